//! The URL of a disk in a backup: `SCHEME://DATASTORE/JOB/CHAIN/PATH`.
//!
//! The chain is what counts: `0:ab12,1:cd34` are the backups of a full one and of the increments after it, in their order. The
//! path is that of a file in one of them, `…/disk.DISK.INCREMENT`.

use std::fmt;
use std::str::FromStr;

use crate::model::ParseError;
use crate::one::{DatastoreId, DiskId};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::one) struct BackupUrl {
    text: String,
    datastore: DatastoreId,
    disk: DiskId,
}

impl BackupUrl {
    /// What backups begin with. Other URLs that the downloader knows are refused: with `ssh://` any user could read what
    /// oneadmin may, on any host.
    const SCHEMES: [&str; 2] = ["restic", "rsync"];
    /// Those of disks of the stock driver's that it backed up in Ceph's own format.
    const FOREIGN: [&str; 2] = ["restic+rbd", "rsync+rbd"];

    /// Whether a word is one, or should be.
    pub(in crate::one) fn is(word: &str) -> bool {
        let scheme = word.split_once("://").map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| {
            Self::SCHEMES.contains(&scheme) || Self::FOREIGN.contains(&scheme)
        })
    }

    /// The datastore that has it.
    pub(in crate::one) const fn datastore(&self) -> DatastoreId {
        self.datastore
    }

    /// The disk's number in its VM.
    pub(in crate::one) const fn disk(&self) -> DiskId {
        self.disk
    }
}

/// The words of a URL.
struct Words<'u> {
    scheme: &'u str,
    /// Datastore and job; `JOB` may be empty.
    from: &'u str,
    chain: Vec<(&'u str, &'u str)>,
    /// Up to the last but one word.
    above: &'u str,
    snapshot: &'u str,
    file: &'u str,
}

impl<'u> Words<'u> {
    fn read(word: &'u str) -> Result<Self, &'static str> {
        let (scheme, rest) = word.split_once("://").ok_or("is no URL")?;
        if BackupUrl::FOREIGN.contains(&scheme) {
            return Err(
                "is a backup in Ceph's own format, of a disk of the stock ceph driver's: make an image of it in a datastore \
                 of that driver",
            );
        }
        if !BackupUrl::SCHEMES.contains(&scheme) {
            return Err("is no URL of a backup: restic:// or rsync://");
        }
        // The downloader is a shell script that puts it into a command line.
        let plain = |c: char| c.is_ascii_alphanumeric() || "/:._,@+=-".contains(c);
        if !rest.chars().all(plain) {
            return Err("has characters that a shell reads otherwise");
        }
        let number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        let mut words = rest.splitn(4, '/');
        let mut next = || words.next().ok_or("is not DATASTORE/JOB/CHAIN/PATH");
        let (datastore, job, chain, path) = (next()?, next()?, next()?, next()?);
        if !number(datastore) || !(job.is_empty() || number(job)) {
            return Err("names datastore and job by something else than numbers");
        }
        let chain: Option<Vec<_>> = chain.split(',').map(|link| link.split_once(':')).collect();
        let chain = chain.ok_or("has no chain of INCREMENT:BACKUP")?;
        let named =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
        let link = |(id, backup): &(&str, &str)| number(id) && named(backup);
        if !chain.iter().all(link) {
            return Err("has no chain of INCREMENT:BACKUP");
        }
        if path.split('/').any(|word| word == ".." || word == ".") {
            return Err("leads out of the backups");
        }
        let (above, file) = path.rsplit_once('/').ok_or("names no file of a backup")?;
        let (above, snapshot) = above.rsplit_once('/').unwrap_or(("", above));
        Ok(Self {
            scheme,
            from: rest
                .get(..datastore.len() + 1 + job.len())
                .unwrap_or_default(),
            chain,
            above,
            snapshot,
            file,
        })
    }

    fn disk(&self) -> Option<DiskId> {
        let mut words = self.file.split('.');
        let (name, disk) = (words.next()?, words.next()?);
        (name == "disk").then(|| disk.parse().ok())?
    }

    /// The URL that leads to what the chain says. The one that `ls` and `restore` of the rsync driver give for a backup whose
    /// chain has one link leads to the file of the newest increment, and the downloader takes just that one.
    fn text(&self, disk: DiskId) -> String {
        let mut chain = Vec::new();
        for (id, backup) in &self.chain {
            chain.push(format!("{id}:{backup}"));
        }
        let (mut snapshot, mut file) = (self.snapshot, self.file.to_owned());
        if let ("rsync", [(id, backup)]) = (self.scheme, self.chain.as_slice())
            && *backup != snapshot
        {
            (snapshot, file) = (backup, format!("disk.{disk}.{id}"));
        }
        format!(
            "{}://{}/{}/{}/{snapshot}/{file}",
            self.scheme,
            self.from,
            chain.join(","),
            self.above
        )
    }
}

impl FromStr for BackupUrl {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let wrong = |why| ParseError::new("URL", word, why);
        let words = Words::read(word).map_err(wrong)?;
        let disk = words.disk().ok_or_else(|| wrong("names no disk's file"))?;
        let datastore = words.from.split('/').next().and_then(|id| id.parse().ok());
        Ok(Self {
            text: words.text(disk),
            datastore: datastore.ok_or_else(|| wrong("names no datastore"))?,
            disk,
        })
    }
}

impl fmt::Display for BackupUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/var/lib/one/datastores/100/1";

    fn read(word: &str) -> String {
        word.parse::<BackupUrl>().unwrap().to_string()
    }

    #[test]
    fn urls_stay_as_they_are() {
        for url in [
            format!("rsync://100//0:3ffce7,1:0e6658{PATH}/0e6658/disk.0.1"),
            format!("rsync://100/3/0:3ffce7/{PATH}/3ffce7/disk.0.0"),
            "restic://103//0:f130ed80,1:1995054d/var/lib/one/datastores/100/22/backup/disk.12.1"
                .to_owned(),
            "restic://103//0:f130ed80/var/lib/one/datastores/100/22/backup/disk.0.1".to_owned(),
        ] {
            assert_eq!(read(&url), url);
        }
        let url: BackupUrl = format!("rsync://100//0:a{PATH}/a/disk.12.0")
            .parse()
            .unwrap();
        assert_eq!(
            (url.datastore(), url.disk()),
            (DatastoreId(100), DiskId(12))
        );
    }

    #[test]
    fn a_chain_of_one_leads_to_its_own_file() {
        assert_eq!(
            read(&format!("rsync://100//0:aaa{PATH}/ccc/disk.1.2")),
            format!("rsync://100//0:aaa{PATH}/aaa/disk.1.0")
        );
    }

    #[test]
    fn what_is_none_is_refused_with_the_reason() {
        let refusals = [
            format!("rsync://1//0:a{PATH}/$(id)/disk.0.0"),
            format!("rsync://1//0:a{PATH}/a b/disk.0.0"),
            format!("restic://1//0:a{PATH}/`id`/disk.0.0"),
            format!("rsync://1//0:a{PATH}/a/../b/disk.0.0"),
            format!("rsync://1//0:a{PATH}/a/vm.xml"),
            format!("rsync://1//a{PATH}/a/disk.0.0"),
            format!("rsync://1//0:;id{PATH}/a/disk.0.0"),
            format!("rsync://x//0:a{PATH}/a/disk.0.0"),
            format!("rsync+rbd://1//0:a{PATH}/a/disk.0.rbd2"),
            "ssh://host:/etc/shadow".into(),
            "rsync://1//0:a".into(),
            "disk.0.0".into(),
        ];
        let said = refusals.map(|url| url.parse::<BackupUrl>().unwrap_err().to_string());
        insta::assert_snapshot!(said.join("\n"));
    }
}
