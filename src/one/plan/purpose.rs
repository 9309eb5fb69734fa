//! What images are made for, in the words that stand in their metadata.

use super::Known;
use crate::model::SnapSpec;
use crate::one::VmId;
use crate::one::call::DiskPlace;
use crate::one::document::Vm;

/// What an image is made for, and what others of its name may say that it takes the place of; see
/// [`Once`](crate::image::Once).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Purpose {
    pub(super) made_for: String,
    pub(super) same: Vec<String>,
    pub(super) of: Vec<String>,
}

impl Known<'_> {
    /// What a disk of this VM is made for: a disk of the same number that was made in another stay of the VM's on a host is
    /// left from an earlier life of it. One of another VM that has the same number is not.
    pub(super) fn purpose(&self, place: &DiskPlace) -> Purpose {
        let stay = self.vm.history.last().map_or(0, |stay| stay.seq);
        let of = self.lives(place);
        let mut words = of.iter().map(|life| format!("{life}stay {stay}"));
        Purpose {
            made_for: words.next().unwrap_or_default(),
            same: words.collect(),
            of,
        }
    }

    /// How begins what the disk says that it was made for, whatever the stay; and what those say that were made before a VM was told
    /// from others of its number.
    pub(super) fn lives(&self, place: &DiskPlace) -> Vec<String> {
        let VmId(number) = self.vm.id;
        let life = |vm: &str| format!("{vm}, disk {}, ", place.disk);
        let mut lives = vec![life(&name(self.vm))];
        if self.vm.since.is_some() {
            lives.push(life(&format!("VM {number}")));
        }
        lives
    }

    /// What a copy of a disk is made for. There is none that it takes the place of: what is there is somebody's image.
    pub(super) fn copy(&self, place: &DiskPlace, of: &SnapSpec) -> Purpose {
        Purpose {
            made_for: format!("a copy of {of}, disk {} of {}", place.disk, name(self.vm)),
            same: Vec::new(),
            of: Vec::new(),
        }
    }
}

/// `VM 12 of 1700000000`: which of those that had the number, by when it was made.
fn name(vm: &Vm) -> String {
    match vm.since {
        Some(since) => format!("VM {} of {since}", vm.id),
        None => format!("VM {}", vm.id),
    }
}
