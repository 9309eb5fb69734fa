//! The template: built in, or an operator's own.

use std::path::Path;

use minijinja::{Environment, UndefinedBehavior};

use super::ClientView;
use crate::{Error, Kind, Result};

const NAME: &str = "client.conf";
const BUILT_IN: &str = include_str!("../../../tgt-templates/client.conf");

/// The templates in effect.
#[derive(Debug)]
pub struct Templates {
    env: Environment<'static>,
    origin: String,
}

impl Templates {
    /// The ones that are built in.
    pub fn built_in() -> Result<Self> {
        Self::new(BUILT_IN.to_owned(), "the built-in template".into())
    }

    /// An operator's, from a directory, where there is one; else the built-in one.
    pub fn load(dir: &Path) -> Result<Self> {
        let file = dir.join(NAME);
        match std::fs::read_to_string(&file) {
            Ok(text) => Self::new(text, file.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::built_in(),
            Err(error) => Err(
                Error::new(Kind::Config, format!("cannot read {}", file.display())).because(error),
            ),
        }
    }

    fn new(text: String, origin: String) -> Result<Self> {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_trim_blocks(true);
        env.set_lstrip_blocks(true);
        env.set_keep_trailing_newline(true);
        env.add_template_owned(NAME, text)
            .map_err(|error| bad(&origin, error))?;
        Ok(Self { env, origin })
    }

    /// A client's file.
    pub fn client(&self, view: &ClientView) -> Result<String> {
        let template = self
            .env
            .get_template(NAME)
            .map_err(|error| bad(&self.origin, error))?;
        template
            .render(view)
            .map_err(|error| bad(&self.origin, error))
    }
}

fn bad(origin: &str, error: minijinja::Error) -> Error {
    let line = error
        .line()
        .map_or(String::new(), |line| format!(", line {line}"));
    Error::new(Kind::Config, format!("{origin}{line} cannot be used"))
        .because(error)
        .remedy("correct the template, or remove it to use the built-in one")
}
