//! Scripts of this machine's, which oned's drivers call: they find the environment that oned gave us.

use std::path::Path;
use std::time::Duration;

use super::{Remote, text, with};
use crate::Result;
use crate::exec::{Cmd, Reading};

impl Remote {
    /// Runs a script with these words and this on its standard input, as whoever runs us.
    ///
    /// # Errors
    /// Those of the script.
    pub fn script(&self, script: &Path, words: &[&str], stdin: &[u8]) -> Result<()> {
        let cmd = self.script_cmd(script, words)?.stdin(stdin.to_owned());
        self.exec.run(&cmd.deadline(self.deadline))?;
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
        let cmd = Cmd::query(text(script)?).args(words);
        Ok(with(cmd, &self.environment))
    }
}
