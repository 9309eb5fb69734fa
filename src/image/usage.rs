//! How full a pool is, as the monitors count it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::OnePool;
use super::report::ImageReport;
use crate::host::Host;
use crate::model::{Bytes, PoolName};
use crate::{Context, Error, Kind, Result};

/// What a pool holds and can hold, copies not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Usage {
    /// Bytes that are stored.
    pub used: Bytes,
    /// Bytes that can be stored still: what the fullest device leaves, or the pool's quota.
    pub free: Bytes,
}

/// Asks the monitors; what is stored in the data pool counts as well, and what that has room for is what matters.
///
/// # Errors
/// [`Kind::NotFound`] for a pool that is not there; [`Kind::Ceph`] if there is no mgr to count.
pub(super) fn usage(host: &Host, ask: &OnePool) -> Result<ImageReport> {
    let mut report = ImageReport::new(None, false);
    report.usage = Some(count(host, ask)?);
    Ok(report)
}

/// Refuses to begin what a pool has no room for: one that runs full stops all who write to it. Where nobody counts, nobody knows, and
/// it is begun.
pub(super) fn must_have_room(host: &Host, ask: &OnePool, wanted: Bytes) -> Result<()> {
    match count(host, ask) {
        Ok(usage) => enough(
            wanted,
            usage.free,
            ask.data_pool.as_ref().unwrap_or(&ask.pool),
        ),
        Err(error) => {
            tracing::debug!("{}", error.chain());
            Ok(())
        }
    }
}

fn enough(wanted: Bytes, free: Bytes, pool: &PoolName) -> Result<()> {
    if wanted <= free {
        return Ok(());
    }
    let message = format!("the source has up to {wanted}, and pool {pool} has room for {free}");
    Err(Error::new(Kind::NoSpace, message).remedy(
        "make room in the pool; a source that is mostly zeroes is smaller once it is sparse (`fallocate --dig-holes`) or packed",
    ))
}

fn count(host: &Host, ask: &OnePool) -> Result<Usage> {
    let cluster = host.connect()?;
    let command = json!({"prefix": "df", "detail": "detail", "format": "json"});
    let answer = cluster.mon_command(&command);
    let answer = answer.context(|| "cannot ask the monitors how full the pools are".into())?;
    let answer: Value = serde_json::from_slice(&answer).map_err(|error| {
        Error::new(
            Kind::Failed,
            "cannot read what the monitors say of the pools",
        )
        .because(error)
    })?;
    let of = |pool: &PoolName| {
        cluster.pool(pool, None).context(|| {
            format!(
                "cannot open pool {pool}, which POOL_NAME or EC_POOL_NAME of the datastore names"
            )
        })?;
        of(&answer, pool)
    };
    let mut usage = of(&ask.pool)?;
    if let Some(data) = &ask.data_pool {
        let data = of(data)?;
        usage = Usage {
            used: Bytes(usage.used.0 + data.used.0),
            free: data.free,
        };
    }
    Ok(usage)
}

/// A pool in the answer of `ceph df detail`. Before Nautilus there was no `stored`.
fn of(answer: &Value, pool: &PoolName) -> Result<Usage> {
    let pools = answer["pools"].as_array().map_or(&[][..], Vec::as_slice);
    let found = pools.iter().find(|known| known["name"] == pool.as_str());
    let stats = &found.ok_or_else(|| {
        Error::new(
            Kind::Ceph,
            format!("the monitors do not say how full pool {pool} is"),
        )
        .remedy("`ceph status` must show an active mgr: it is the mgr that counts")
    })?["stats"];
    let number = |name: &str| stats[name].as_u64();
    let used = number("stored")
        .or_else(|| number("bytes_used"))
        .unwrap_or_default();
    let room = number("max_avail").unwrap_or_default();
    let quota = number("quota_bytes").filter(|quota| *quota > 0);
    let free = quota.map_or(room, |quota| room.min(quota.saturating_sub(used)));
    Ok(Usage {
        used: Bytes(used),
        free: Bytes(free),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pool_has_no_room_for_is_refused() {
        let judged = |wanted, free| enough(Bytes(wanted), Bytes(free), &"one".parse().unwrap());
        assert!(judged(7, 7).is_ok());
        let refused = judged(8, 7).unwrap_err();
        assert_eq!(refused.kind(), Kind::NoSpace);
        assert!(refused.chain().contains("pool one"), "{}", refused.chain());
    }

    #[test]
    fn a_quota_counts_and_old_releases_are_read() {
        let answer = json!({"pools": [
            {"name": "one", "stats": {"stored": 100, "bytes_used": 300, "max_avail": 1000, "quota_bytes": 0}},
            {"name": "one-2", "stats": {"stored": 100, "max_avail": 1000, "quota_bytes": 150}},
            {"name": "old", "stats": {"bytes_used": 7, "max_avail": 9}},
        ]});
        let usage =
            |pool: &str| of(&answer, &pool.parse().unwrap()).map(|is| (is.used.0, is.free.0));
        assert_eq!(usage("one").unwrap(), (100, 1000));
        assert_eq!(usage("one-2").unwrap(), (100, 50));
        assert_eq!(usage("old").unwrap(), (7, 9));
        assert_eq!(usage("on").unwrap_err().kind(), Kind::Ceph);
    }
}
