//! What the disks of VMs take in a pool: asked for beside how full it is, and told to oned's monitor daemon. Figures for people: what
//! goes wrong with them is logged, and never the action's failure.

use serde_json::Value;

use crate::image::{Allocated, ImageJob, ListAllocated};
use crate::job::{Request, StepAsk};
use crate::model::{Namespace, PoolName};
use crate::one::Megabytes;
use crate::one::monitord::Sizes;
use crate::one::names::Name;
use crate::{Error, Kind, Result};

/// The names of disks: `one-IMAGE-VM-DISK`, `one-sys-VM-DISK`.
const NAMES: &str = "one-*-*-*";

/// How long a host may measure. oned asks every few minutes, and one of its few places is taken meanwhile.
const SECONDS: u64 = 20;

/// Asks for it, whatever becomes of that.
pub(super) fn ask(pool: PoolName, namespace: Option<Namespace>) -> StepAsk {
    let ask = StepAsk::new(Request::Image(ImageJob::Allocated(ListAllocated {
        pool,
        namespace,
        like: NAMES.to_owned(),
        seconds: SECONDS,
    })));
    let kinds = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Cancelled);
    kinds.fold(ask, StepAsk::content_with)
}

/// Whether a step is that question.
pub(super) fn is_asked_by(step: &StepAsk) -> bool {
    matches!(step.request, Request::Image(ImageJob::Allocated(_)))
}

/// What a host answered to it, as the step of that number.
///
/// # Errors
/// Why it could not be measured.
pub(super) fn sizes(said: &Value, step: usize) -> Result<Sizes> {
    let said = &said["steps"][step];
    if let Some(why) = said["content"].as_str() {
        return Err(Error::new(Kind::Failed, why));
    }
    let all: Vec<Allocated> = serde_json::from_value(said["done"]["allocated"].clone())
        .map_err(|error| Error::new(Kind::Failed, "its answer is not understood").because(error))?;
    let mut sizes = Sizes::new();
    for one in all {
        if let Some(Name::Clone(_, vm, disk) | Name::Volatile(vm, disk)) = Name::of(&one.name) {
            let size = Megabytes::of(one.allocated);
            sizes.entry(vm).or_default().insert(disk, size);
        }
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_measured_belongs_to_vms() {
        let said = json!({"steps": [{"done": {}}, {"done": {"answer": "image", "allocated": [
            {"name": "one-42-12-0", "allocated": "1048577B"}, {"name": "one-sys-12-1", "allocated": 0},
            {"name": "one-sys-12-checkpoint", "allocated": "1G"}, {"name": "one-x-12-3", "allocated": "1G"},
            {"name": "one-42-7-0", "allocated": "3M"}]}}]});
        let told = format!("{:?}", sizes(&said, 1).unwrap());
        assert_eq!(
            told,
            "{VmId(7): {DiskId(0): Megabytes(3)}, VmId(12): {DiskId(0): Megabytes(2), DiskId(1): Megabytes(0)}}"
        );
    }

    #[test]
    fn what_could_not_be_measured_has_its_reason() {
        let said = json!({"steps": [{"done": {}}, {"content": "no quorum"}]});
        assert_eq!(sizes(&said, 1).unwrap_err().chain(), "no quorum");
        assert!(sizes(&said, 0).is_err() && sizes(&Value::Null, 1).is_err());
    }

    #[test]
    fn measuring_may_fail_and_be_cancelled() {
        let ask = ask("one".parse().unwrap(), None);
        assert!(is_asked_by(&ask) && ask.content_with.contains(&Kind::Ceph));
        assert!(!ask.content_with.contains(&Kind::Cancelled));
    }
}
