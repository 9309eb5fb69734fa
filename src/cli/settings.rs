//! What the configuration says once the command line has had its word.

use crate::Result;
use crate::config::Config;
use crate::sys::Roots;

use super::args::Global;

/// The configuration in effect.
pub fn config(global: &Global) -> Result<Config> {
    let (file, must_exist) = global.config_file();
    Ok(overridden(Config::load(&file, must_exist)?, global))
}

/// Where the machine's directories are.
pub fn roots(global: &Global) -> Roots {
    global.root.as_ref().map_or_else(Roots::default, Roots::at)
}

/// The configuration with the command line's options over it.
pub fn overridden(mut config: Config, global: &Global) -> Config {
    let ceph = &mut config.ceph;
    ceph.named = global.cluster.is_some() || global.conf.is_some();
    if let Some(id) = &global.id {
        ceph.id.clone_from(id);
    }
    if let Some(cluster) = &global.cluster {
        ceph.cluster.clone_from(cluster);
    }
    if let Some(conf) = &global.conf {
        ceph.conf = Some(conf.clone());
    }
    if let Some(keyring) = &global.keyring {
        ceph.keyring = Some(keyring.clone());
        // A key file would win in librados, and who names a keyring means the keyring.
        ceph.keyfile = None;
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins() {
        let mut config = Config::default();
        config.ceph.keyfile = Some("/key".into());
        let global = Global {
            id: Some("one".parse().unwrap()),
            keyring: Some("/ring".into()),
            ..Global::default()
        };
        let ceph = overridden(config.clone(), &global).ceph;
        assert_eq!((ceph.id.as_str(), ceph.keyfile), ("one", None));
        assert_eq!(ceph.keyring, Some("/ring".into()));
        assert_eq!(overridden(config.clone(), &Global::default()), config);
    }

    #[test]
    fn a_root_moves_the_configuration_unless_it_is_named() {
        let mut global = Global {
            root: Some("/r".into()),
            ..Global::default()
        };
        assert_eq!(
            global.config_file(),
            ("/r/etc/warmblock/warmblock.toml".into(), false)
        );
        global.config = Some("/c.toml".into());
        assert_eq!(global.config_file(), ("/c.toml".into(), true));
    }
}
