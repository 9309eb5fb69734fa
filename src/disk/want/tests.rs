use super::*;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::progress::ProgressMode;
use crate::sys::Roots;

/// What moves or starts a VM leaves a cache out that an operator took out, whatever a detach had noted that was interrupted; an
/// attach by hand puts it in.
#[test]
fn a_cache_that_is_kept_out_stays_out() {
    let dir = tempfile::tempdir().unwrap();
    let (config, roots) = (Config::default(), Roots::at(dir.path()));
    let host = Host::new(config, roots, ProgressMode::Quiet, Cancel::new());
    let again = |intent, kept_out, keep| {
        let mut record = Record::sample();
        (record.intent, record.kept_out) = (intent, kept_out);
        let ask = Attach {
            keep,
            ..Attach::new(record.image.clone())
        };
        let (record, _) = super::again(&host, record, &ask, Bytes::gib(1)).unwrap();
        (record.intent, record.kept_out)
    };
    for intent in [Intent::Bypassed, Intent::Detached] {
        assert_eq!(again(intent, true, true), (Intent::Bypassed, true));
        assert_eq!(again(intent, true, false), (Intent::Attached, false));
        assert_eq!(again(intent, false, true), (Intent::Attached, false));
    }
}
