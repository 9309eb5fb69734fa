//! LVM's JSON reports (lvmreport(7)), asked for with `--units b --nosuffix --binary`: every value is a string.

use serde::Deserialize;

use super::Tag;
use crate::model::{Bytes, DiskKey, LvName, SharedName, VgName};
use crate::sys::DevNum;

pub(super) const VG_COLUMNS: &str = "vg_name,vg_size,vg_free,vg_extent_size";
pub(super) const PV_COLUMNS: &str = "pv_name";
pub(super) const LV_COLUMNS: &str =
    "vg_name,lv_name,lv_uuid,lv_size,lv_kernel_major,lv_kernel_minor,lv_tags";

/// A volume group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vg {
    /// Its name.
    pub name: VgName,
    /// Its size.
    pub size: Bytes,
    /// What is left of it.
    pub free: Bytes,
    /// The unit of its volumes' sizes.
    pub extent: Bytes,
}

/// A logical volume of ours; a disk's, unless another kind of name is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lv<N = LvName> {
    /// Its volume group.
    pub vg: VgName,
    /// Its name.
    pub name: N,
    /// LVM's UUID of it: another volume that is made under the same name has another one.
    pub uuid: String,
    /// Its size.
    pub size: Bytes,
    /// Its device's number, when it is active.
    pub num: Option<DevNum>,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// What one listing has of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volumes {
    /// Every disk's volumes, in every volume group.
    pub slices: Vec<Lv>,
    /// Those that disks have in common: one, unless somebody brought another host's SSD.
    pub shared: Vec<Lv<SharedName>>,
}

impl Volumes {
    /// The volumes of a disk.
    pub fn of(&self, key: &DiskKey) -> Vec<Lv> {
        let ours = self.slices.iter().filter(|lv| lv.name.key == *key);
        ours.cloned().collect()
    }
}

impl<N> Lv<N> {
    /// The value of a tag `key=value`.
    pub fn tag(&self, key: &str) -> Option<String> {
        self.tags.iter().find(|tag| tag.key() == key)?.value()
    }
}

#[derive(Deserialize)]
struct Report<R> {
    report: Vec<R>,
}

#[derive(Deserialize)]
struct VgRows {
    vg: Vec<VgRow>,
}

#[derive(Deserialize)]
struct VgRow {
    vg_name: String,
    vg_size: String,
    vg_free: String,
    vg_extent_size: String,
}

#[derive(Deserialize)]
struct PvRows {
    vg: Vec<PvRow>,
}

#[derive(Deserialize)]
struct PvRow {
    pv_name: String,
}

#[derive(Deserialize)]
struct LvRows {
    lv: Vec<LvRow>,
}

#[derive(Deserialize)]
struct LvRow {
    vg_name: String,
    lv_name: String,
    lv_uuid: String,
    lv_size: String,
    lv_kernel_major: String,
    lv_kernel_minor: String,
    lv_tags: String,
}

pub(super) fn vgs(text: &str) -> Result<Vec<Vg>, String> {
    let parsed: Report<VgRows> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let rows = parsed.report.into_iter().flat_map(|report| report.vg);
    rows.map(|row| {
        Ok(Vg {
            name: row.vg_name.parse().map_err(|error| format!("{error}"))?,
            size: bytes(&row.vg_size)?,
            free: bytes(&row.vg_free)?,
            extent: bytes(&row.vg_extent_size)?,
        })
    })
    .collect()
}

/// What the physical volumes of a group are called, as LVM found them.
pub(super) fn pvs(text: &str) -> Result<Vec<String>, String> {
    let parsed: Report<PvRows> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let rows = parsed.report.into_iter().flat_map(|report| report.vg);
    Ok(rows.map(|row| row.pv_name).collect())
}

/// Rows whose names are not of our grammar are passed by: somebody may have put our tag on a volume of his.
pub(super) fn lvs(text: &str) -> Result<Volumes, String> {
    let parsed: Report<LvRows> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut found = Volumes::default();
    for row in parsed.report.into_iter().flat_map(|report| report.lv) {
        let vg = row.vg_name.parse();
        match (vg, row.lv_name.parse(), row.lv_name.parse()) {
            (Ok(vg), Ok(name), _) => found.slices.push(volume(vg, name, row)?),
            (Ok(vg), _, Ok(name)) => found.shared.push(volume(vg, name, row)?),
            _ => tracing::warn!(
                "volume {}/{} has a tag of ours but not a name",
                row.vg_name,
                row.lv_name
            ),
        }
    }
    Ok(found)
}

fn volume<N>(vg: VgName, name: N, row: LvRow) -> Result<Lv<N>, String> {
    let tags = row.lv_tags.split(',').filter(|tag| !tag.is_empty());
    Ok(Lv {
        vg,
        name,
        size: bytes(&row.lv_size)?,
        num: format!("{}:{}", row.lv_kernel_major, row.lv_kernel_minor)
            .parse()
            .ok(),
        tags: tags.map(Tag::from_lvm).collect(),
        uuid: row.lv_uuid,
    })
}

fn bytes(word: &str) -> Result<Bytes, String> {
    word.parse()
        .map(Bytes)
        .map_err(|_| format!("{word:?} is not a number of bytes"))
}
