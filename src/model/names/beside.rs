//! Images beside an image, while it is exchanged for another one (`image::replace`).

use std::fmt;

use crate::model::{ImageName, ImageSpec, ParseError};

/// What is beside an image that is exchanged. Which of them are there says how far an exchange came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// What is to take its place.
    Incoming,
    /// What had its name, as long as the exchange may still be undone.
    Replaced,
    /// What had its name and is needed no more.
    Obsolete,
}

impl Beside {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Incoming, Self::Replaced, Self::Obsolete];

    /// The image's name with its ending.
    ///
    /// # Errors
    /// It gets too long.
    pub fn of(self, image: &ImageSpec) -> Result<ImageSpec, ParseError> {
        Ok(ImageSpec {
            image: format!("{}{self}", image.image).parse()?,
            ..image.clone()
        })
    }

    /// The name of the image that one is beside.
    pub fn stem(image: &ImageName) -> Option<ImageName> {
        let stem = |beside: Self| {
            image
                .as_str()
                .strip_suffix(&beside.to_string())?
                .parse()
                .ok()
        };
        Self::ALL.into_iter().find_map(stem)
    }
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incoming => ".wb-incoming",
            Self::Replaced => ".wb-replaced",
            Self::Obsolete => ".wb-obsolete",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_pool_and_namespace() {
        let image: ImageSpec = "one/ns/one-42".parse().unwrap();
        let names = Beside::ALL.map(|beside| beside.of(&image).unwrap().to_string());
        assert_eq!(
            names,
            ["incoming", "replaced", "obsolete"].map(|end| format!("one/ns/one-42.wb-{end}"))
        );
        let stem = |name: &str| Beside::stem(&name.parse().unwrap());
        assert_eq!(stem("one-42.wb-obsolete"), Some(image.image));
        assert_eq!(stem("one-42.wb-import"), None);
    }
}
