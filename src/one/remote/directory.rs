//! The files of a VM's directory, from one place to another.

use std::path::Path;

use serde_json::Value;

use super::{Remote, patiently, text, unreached};
use crate::exec::{Cmd, ExecError, Status};
use crate::job::{Job, OWNER, RemoveDir, Request, VmDirJob};
use crate::one::plan::At;
use crate::tools::ssh;
use crate::{Context, Error, Kind, Result};

/// What tar ends with if a file changed while it was packed; GNU tar's manual.
const CHANGED: i32 = 1;

impl Remote {
    /// Brings the files of a VM's directory from one place to another, unless that is the same directory, which one machine of
    /// two names has as well. Both are made if they are not there, so that nothing is missing for one that was brought before.
    /// As whoever runs us: it is their files. If they are to be `gone` from where they were, that directory is removed once all
    /// of it has arrived; else its VM runs, and a file may change while it is read.
    ///
    /// # Errors
    /// Those of [`Remote::run`], and of tar.
    pub fn fetch(&self, from: &At, path: &Path, at: &At, to: &Path, gone: bool) -> Result<()> {
        let is_shared = |dir: &Value| dir["shared"] == Value::Bool(true);
        let was = self.made(from, path)?;
        if is_shared(&was) {
            return Ok(());
        }
        let becomes = self.made(at, to)?;
        let same = was["mark"].is_string() && was["mark"] == becomes["mark"];
        if same || is_shared(&becomes) {
            return Ok(());
        }
        patiently(|| self.bring((from, text(path)?), (at, text(to)?), gone))
            .context(|| format!("cannot bring {} to {at}", path.display()))?;
        if gone {
            let (path, own) = (path.to_owned(), true);
            self.directory(from, Request::RemoveDir(RemoveDir { path, own }))?;
        }
        Ok(())
    }

    fn made(&self, at: &At, path: &Path) -> Result<Value> {
        let path = path.to_owned();
        self.directory(at, Request::MakeDir(VmDirJob::new(path)))
    }

    fn directory(&self, at: &At, request: Request) -> Result<Value> {
        self.run_at(at, &Job::new(request))
    }

    /// Packs and unpacks, which may take any time as long as bytes pass.
    fn bring(&self, (from, path): (&At, &str), (at, to): (&At, &str), at_rest: bool) -> Result<()> {
        let owner = format!("--exclude=./{OWNER}");
        let pack = ["tar", "--sparse", &owner, "-C", path, "-cf", "-", "."];
        let unpack = ["tar", "-C", to, "-xpf", "-"];
        let (mut pack, unpack) = (self.plain(from, &pack)?, self.plain(at, &unpack)?);
        if !at_rest {
            pack = pack.ok_codes(&[CHANGED]);
        }
        let done = self.exec.pipe(&pack, &unpack);
        done.map(drop).map_err(|error| match &error {
            ExecError::Failed {
                cmd,
                status: Status::Code(ssh::OWN_FAILURE),
                stderr,
            } => {
                let node = if *cmd == pack.to_string() { from } else { at };
                unreached::error(node, stderr)
            }
            _ => error.into(),
        })
    }

    /// A command as whoever runs us.
    fn plain(&self, at: &At, words: &[&str]) -> Result<Cmd> {
        let cmd = match (at, words) {
            (At::Host(node), words) => ssh::command_as_user(node.as_str(), words, self.deadline)?,
            (At::Here, [tool, args @ ..]) => Cmd::query(tool).args(args).deadline(self.deadline),
            (At::Here, []) => return Err(Error::new(Kind::Internal, "no command")),
        };
        Ok(self.settings.to(cmd))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::remote;
    use super::*;

    /// Hosts with directories, each with a mark: `twin` ones are one machine. Notes what is asked; at `full` ones nothing can be
    /// unpacked, at `torn` ones not all can be packed, at `busy` ones a file changes meanwhile, and `gone` ones die before.
    const HOSTS: &str = r#"while [ "$1" != -- ]; do shift; done
        case $3 in
        *-cf*) op=pack; code=0; case $2 in torn*) code=2 ;; busy*) code=1 ;; esac
            case $2 in gone*) echo "ssh: connect to host $2 port 22: No route to host" >&2; code=255 ;; *) echo files ;; esac ;;
        *-xpf*) op=unpack; code=0; [ -n "$(cat)" ] || { echo "tar: This does not look like a tar archive" >&2; code=2; }; case $2 in full*) echo "tar: No space left on device" >&2; code=2 ;; esac ;;
        *) read -r job; op=${job##*'"op":"'}; op=${op%%'"'*}; code=0; echo "{\"shared\":false,\"mark\":\"${2%[0-9]}\"}" ;;
        esac
        # The two sides of a pipe end in any order.
        case $op in pack) ;; *) echo "$2 $op" >>"${0%/*}/asked" ;; esac
        exit $code"#;

    fn fetched(from: &str, to: &str, gone: bool) -> (Result<()>, String) {
        let (dir, remote) = remote(HOSTS);
        let [from, to] = [from, to].map(|node| At::Host(node.parse().unwrap()));
        let path = Path::new("/ds/100/12");
        let done = remote.fetch(&from, path, &to, path, gone);
        let asked = std::fs::read_to_string(dir.path().join("asked")).unwrap();
        (done, asked.replace('\n', "; "))
    }

    #[test]
    fn what_has_arrived_goes_where_it_was() {
        let brought = "a1 make-dir; b1 make-dir; b1 unpack; ";
        let (done, asked) = fetched("a1", "b1", true);
        assert!(
            done.is_ok() && asked == format!("{brought}a1 remove-dir; "),
            "{asked}"
        );
        let (done, asked) = fetched("a1", "b1", false);
        assert!(done.is_ok() && asked == brought, "{asked}");
    }

    #[test]
    fn what_has_not_arrived_stays_where_it_was() {
        for (from, to, words) in [
            ("a1", "full1", "No space"),
            ("torn1", "b1", "exit code 2"),
            ("busy1", "b1", "exit code 1"),
            ("gone1", "b1", "No route"),
        ] {
            let (done, asked) = fetched(from, to, true);
            let error = done.unwrap_err();
            assert!(error.chain().contains(words), "{}", error.chain());
            assert!(!asked.contains("remove-dir"), "{asked}");
            assert_eq!(unreached::is_unreached(&error), from == "gone1");
        }
        // Under a VM that runs, files change.
        assert!(fetched("busy1", "b1", false).0.is_ok());
        assert!(fetched("torn1", "b1", false).0.is_err());
    }

    /// The front-end that is a host by another name, say.
    #[test]
    fn one_machine_of_two_names_keeps_its_directory() {
        let (done, asked) = fetched("twin1", "twin2", true);
        assert!(
            done.is_ok() && asked == "twin1 make-dir; twin2 make-dir; ",
            "{asked}"
        );
    }
}
