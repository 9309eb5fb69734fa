//! Scripts of this machine's, which oned's drivers call: they find the whole environment that oned gave us.

use std::path::Path;
use std::time::Duration;

use super::{Remote, text};
use crate::Result;
use crate::exec::{Cmd, Reading};

/// How long another driver's script may take. It may copy disks without a word, between other hosts even, so nobody sees whether it
/// gets on; oned itself would wait for ever (contract, 1.3).
const OTHERS: Duration = Duration::from_secs(7 * 24 * 3600);

impl Remote {
    /// Runs another driver's script with these words and this on its standard input, as whoever runs us.
    ///
    /// # Errors
    /// Those of the script.
    pub fn script(&self, script: &Path, words: &[&str], stdin: &[u8]) -> Result<()> {
        let cmd = self.script_cmd(script, words)?.stdin(stdin.to_owned());
        self.exec.run(&cmd.deadline(OTHERS))?;
        Ok(())
    }

    /// The same for a document that holds secrets, and soon; what the script answers.
    ///
    /// # Errors
    /// Those of the script.
    pub fn ask_script(
        &self,
        script: &Path,
        words: &[&str],
        secret: &[u8],
        deadline: Duration,
    ) -> Result<String> {
        let cmd = self.script_cmd(script, words)?.secret_stdin(secret);
        let output = self.exec.run(&cmd.deadline(deadline))?;
        Ok(output.text()?.to_owned())
    }

    /// Starts a script whose output is read as it comes, and may be silent so long.
    ///
    /// # Errors
    /// It cannot be started. What it says when it fails is the error of the reading.
    pub fn read_script(
        &self,
        script: &Path,
        words: &[&str],
        patience: Duration,
    ) -> Result<Reading> {
        let cmd = self.script_cmd(script, words)?.deadline(patience);
        Ok(self.exec.read(cmd)?)
    }

    fn script_cmd(&self, script: &Path, words: &[&str]) -> Result<Cmd> {
        Ok(self.settings.all_to(Cmd::query(text(script)?).args(words)))
    }
}
