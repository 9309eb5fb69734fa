//! Scripts of this machine's, which oned's drivers call: they find the environment that oned gave us.

use std::path::Path;

use super::{Remote, text, with};
use crate::Result;
use crate::exec::Cmd;

impl Remote {
    /// Runs a script with these words and this on its standard input, as whoever runs us.
    ///
    /// # Errors
    /// Those of the script.
    pub fn script(&self, script: &Path, words: &[&str], stdin: &[u8]) -> Result<()> {
        let cmd = Cmd::query(text(script)?)
            .args(words)
            .stdin(stdin.to_owned())
            .deadline(self.deadline);
        self.exec.run(&with(cmd, &self.environment))?;
        Ok(())
    }
}
