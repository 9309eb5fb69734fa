//! What is to be seeded, and what cannot be.

use crate::cache::{Driver, SeedAbility};
use crate::model::SeedSpec;
use crate::{Error, Kind, Result};

/// What to seed: as asked, or else as usual; nothing for a cache that cannot be seeded.
///
/// Errors: as of [`seedable`].
pub(super) fn seed(
    driver: &dyn Driver,
    asked: Option<SeedSpec>,
    usual: SeedSpec,
) -> Result<SeedSpec> {
    if let Some(asked) = asked {
        seedable(driver, asked)?;
        return Ok(asked);
    }
    Ok(match driver.capabilities().seed {
        SeedAbility::Never if driver.caches() => SeedSpec::None,
        SeedAbility::Whole => SeedSpec::Allocated,
        _ => usual,
    })
}

/// Refuses to seed a cache that cannot be seeded.
///
/// Errors: [`Kind::Usage`], with the reason.
pub(in crate::disk) fn seedable(driver: &dyn Driver, what: SeedSpec) -> Result<()> {
    let can = driver.capabilities();
    if driver.whole() && what != SeedSpec::Allocated {
        let message = format!(
            "driver {} cannot be seeded with {what}: it holds the whole image",
            driver.name()
        );
        return Err(Error::new(Kind::Usage, message).remedy(
            "leave the seed out: what is allocated of the image is copied, the rest zeroed",
        ));
    }
    if what == SeedSpec::None || !driver.caches() || can.seed != SeedAbility::Never {
        return Ok(());
    }
    let why = if can.reads {
        "it has no way to be filled before it is used"
    } else {
        "it caches writes only, so there is nothing to fill"
    };
    let message = format!("driver {} cannot be seeded: {why}", driver.name());
    Err(Error::new(Kind::Usage, message).remedy("leave the seed out, or choose another driver"))
}
