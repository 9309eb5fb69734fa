//! A backup datastore in small, as OpenNebula's rsync driver has it: its files, and the two scripts that others ask for them.
//!
//! The scripts keep to what the real ones do where that matters to who calls them: increments are joined in place, in the
//! store; what `ls` names is a file of the newest increment; and a downloader that cannot reach the store ends with success
//! and without a byte, and one that breaks off does not clean up.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::host::Host;
use crate::one::oned::Oned;
use crate::world::path;

/// What nobody is to read.
pub const SECRET: &str = "a3b5c7-sesame";

/// The datastore's number, and that of the one image that is the VM's backups.
const STORE: u32 = 105;
const BACKUP: u32 = 77;

const LS: &str = r#"#!/bin/bash
[ "$#:$1" = 2:-i ] || { echo "usage: ls -i INCREMENT" >&2; exit 255; }
document=$(cat)
value() { sed -n "s|.*<$1>\([^<]*\)</$1>.*|\1|p" <<<"$2"; }
image=${document#*<IMAGE>} datastore=${document#*<DATASTORE>}
id=${datastore#<ID>} id=${id%%<*} vm=${image#*<VMS><ID>} vm=${vm%%<*}
[ -n "$(value RSYNC_HOST "$datastore")" ] || { echo "no RSYNC_HOST" >&2; exit 255; }
[ "$(value RSYNC_PASSWORD "$datastore")" = SECRET ] || { echo "not decrypted" >&2; exit 255; }
base=$(value BASE_PATH "$datastore")
chain='' last=''
while IFS=: read -r number backup; do
    [ "$2" = -1 ] || [ "$number" -le "$2" ] && chain+=",$number:$backup"
    last=$backup
    [ "$number" != "$(value INCREMENT_ID "$document")" ] || selected=$backup
done < <(grep -o '<INCREMENT><ID>[0-9]*</ID><SOURCE>[^<]*' <<<"$image" | sed 's|.*<ID>\(.*\)</ID><SOURCE>|\1:|')
found=''
for file in "$base/$vm/${selected:-$last}"/disk.*; do
    [ -e "$file" ] || { echo "Error listing backups: SECRET is no key" >&2; exit 255; }
    disk=${file##*/disk.} disk=${disk%%.*}
    found+=",\"$disk\":\"rsync://$id//${chain#,}$file\""
done
echo "{${found#,}}"
"#;

const DOWNLOADER: &str = r#"#!/bin/bash
set -o pipefail
[ "$1" = --nodecomp ] || { echo "Arguments error" >&2; exit 255; }
shift
max=''
[ "$1" != --max-size ] || { max=$2; shift 2; }
[ "$#:$2" = 2:- ] || { echo "Arguments error" >&2; exit 255; }
case $1 in rsync://STORE/*) rest=${1#rsync://STORE/*/} ;; *) echo "Cannot read from $1" >&2; exit 255 ;; esac
chain=${rest%%/*} file=/${rest#*/}
prepare() {
    [ ! -e "BASE/gone" ] || { echo "ssh: connect to host backup1: SECRET No route to host" >&2; return 1; }
    case $chain in *,*) ;; *) return 0 ;; esac
    local disk=${file##*/disk.} backing='' number backup part
    disk=${disk%%.*}
    while IFS=: read -r number backup; do
        part=BASE/${file#BASE/}; part=${part%/*/*}/$backup/disk.$disk.$number
        [ -z "$backing" ] || qemu-img rebase -u -F qcow2 -b "$backing" "$part" >&2 || return 1
        backing=$part
    done < <(tr , '\n' <<<"$chain")
    tmp=$(mktemp -d BASE/tmp.XXXX) && qemu-img convert -O qcow2 "$backing" "$tmp/disk" >&2 && file=$tmp/disk
}
# The real one runs what a script of its own printed, and does not look whether that came through.
prepare || exit 0
if [ -n "$max" ]; then
    head -c "$max" "$file"
elif [ -e "BASE/broken" ] && case $rest in *"/disk.$(cat BASE/broken)."*) true ;; *) false ;; esac; then
    head -c 100000 "$file"
    echo "the backup server went away: SECRET" >&2
    echo "Error copying" >&2
    exit 255
else
    cat "$file" || exit 255
fi
[ -z "$tmp" ] || rm -r "$tmp"
"#;

/// See the module.
pub struct BackupStore {
    vm: u32,
    /// Its files: on this machine, and as the hosts see them.
    base: (PathBuf, String),
    /// The backups of the VM: increment and name.
    chain: Vec<(u32, String)>,
}

impl BackupStore {
    /// An empty one, for the backups of a VM on this host.
    pub fn new(host: &Host, oned: &Oned, vm: u32) -> Result<Self> {
        let name = host.world.name("backups");
        let store = Self {
            vm,
            base: (host.shared(&name), format!("/lab/{name}")),
            chain: Vec::new(),
        };
        let base = path(&store.base.0)?;
        std::fs::create_dir_all(&store.base.0)?;
        let filled = |text: &str| {
            let text = text.replace("BASE", base).replace("SECRET", SECRET);
            text.replace("STORE", &STORE.to_string())
        };
        oned.put_script("datastore/rsync/ls", &LS.replace("SECRET", SECRET))?;
        oned.put_script("datastore/downloader.sh", &filled(DOWNLOADER))?;
        let document = format!(
            "<DATASTORE><ID>{STORE}</ID><DS_MAD>rsync</DS_MAD><BASE_PATH>{base}</BASE_PATH><TEMPLATE><RSYNC_HOST>backup1</RSYNC_HOST>\
             <RSYNC_PASSWORD>{SECRET}</RSYNC_PASSWORD></TEMPLATE></DATASTORE>"
        );
        oned.datastore(STORE, &document);
        Ok(store)
    }

    /// Takes the files that `prebackup` made in a VM's directory, as the driver's `backup` does.
    pub fn take(&mut self, oned: &Oned, host: &Host, dir: &str) -> Result<()> {
        let increment = u32::try_from(self.chain.len())?;
        let name = format!("{increment}a{:03x}", increment * 7 + 1);
        let to = format!("{}/{}/{name}", self.base.1, self.vm);
        host.sh(&format!(
            "mkdir -p {to} && cp {dir}/backup/* {to} && chmod -R a+rwX {to}"
        ))?;
        self.chain.push((increment, name));
        let chain = self.chain.iter().map(|(id, name)| {
            format!("<INCREMENT><ID>{id}</ID><SOURCE>{name}</SOURCE></INCREMENT>")
        });
        let document = format!(
            "<IMAGE><ID>{BACKUP}</ID><DATASTORE_ID>{STORE}</DATASTORE_ID><FORMAT>raw</FORMAT><SOURCE>{}</SOURCE><VMS><ID>{}</ID></VMS>\
             <TEMPLATE/><BACKUP_INCREMENTS>{}</BACKUP_INCREMENTS></IMAGE>",
            self.chain[0].1,
            self.vm,
            chain.collect::<String>()
        );
        oned.image(BACKUP, &document);
        Ok(())
    }

    /// The backups' image, and the line of a transfer file that restores one of them.
    pub fn restore(&self, increment: &str, disk: &str) -> String {
        format!(
            "RESTORE warmblock hv1:DIR {} {BACKUP} {increment} {disk}",
            self.vm
        )
    }

    /// The URL of a disk after so many increments, as the driver's own `restore` writes it: the path is that of the newest.
    pub fn url(&self, disk: u32, increments: usize) -> Result<String> {
        let chain = self.chain.iter().take(increments + 1);
        let chain: Vec<String> = chain.map(|(id, name)| format!("{id}:{name}")).collect();
        ensure!(chain.len() == increments + 1, "no such backup");
        let (id, name) = &self.chain[self.chain.len() - 1];
        Ok(format!(
            "rsync://{STORE}//{}{}/{}/{name}/disk.{disk}.{id}",
            chain.join(","),
            path(&self.base.0)?,
            self.vm
        ))
    }

    /// From now on the download of a disk breaks off half way; or none does.
    pub fn breaks_off(&self, disk: Option<u32>) -> Result<()> {
        self.sign("broken", disk.map(|disk| disk.to_string()))
    }

    /// From now on its server is not there; or it is.
    pub fn goes_away(&self, yes: bool) -> Result<()> {
        self.sign("gone", yes.then(String::new))
    }

    fn sign(&self, name: &str, text: Option<String>) -> Result<()> {
        let file = self.base.0.join(name);
        match text {
            Some(text) => Ok(warmblock::sys::atomic::write(&file, text.as_bytes())?),
            None => Ok(warmblock::sys::atomic::remove(&file).map(drop)?),
        }
    }

    /// What the downloader put together and did not remove.
    pub fn leftovers(&self) -> Result<usize> {
        let entries = std::fs::read_dir(&self.base.0)?;
        let names = entries.flatten().map(|entry| entry.file_name());
        Ok(names
            .filter(|name| name.to_string_lossy().starts_with("tmp."))
            .count())
    }
}
