//! What a seed can say for itself when it has ended.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::copy::CopyReport;
use super::plan::SeedPlan;
use crate::error::{Error, Kind, Result};
use crate::model::Bytes;

/// How it is known what the cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProofMethod {
    /// The mapping was written by us and the kernel counts as many resident blocks (dm-cache).
    Mapping,
    /// The driver's counters rose by what was read (flashcache).
    Counters,
    /// A second pass of reading missed nothing (bcache, Open-CAS).
    SecondPass,
    /// It is not known.
    None,
}

/// The outcome of a seed.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct SeedProof {
    /// Blocks that the seed asked for.
    pub asked_blocks: u64,
    /// Blocks of it that the cache holds.
    pub resident_blocks: u64,
    /// Blocks for which there was no room.
    pub left_out: u64,
    /// Blocks that the guest wrote meanwhile; the image has them, the cache does not.
    pub dropped: u64,
    /// Bytes that were copied.
    pub bytes: Bytes,
    /// How long it took.
    pub seconds: f64,
    /// How it is known.
    pub method: ProofMethod,
    /// Whether every block is accounted for: asked = resident + left out + dropped.
    pub exact: bool,
}

impl SeedProof {
    /// Of a plan that was copied, and what the cache counts while it is suspended, still in passthrough: resident
    /// blocks, and demotions since it was activated.
    pub fn of_plan(plan: &SeedPlan, copied: &CopyReport, resident: u64, dropped: u64) -> Self {
        Self::new(ProofMethod::Mapping, plan.asked, plan.left_out)
            .found(resident, dropped)
            .copied(copied.bytes, copied.took)
    }

    /// Of blocks that were asked for, some of which did not fit; nothing is known to be resident yet.
    pub fn new(method: ProofMethod, asked: u64, left_out: u64) -> Self {
        Self {
            asked_blocks: asked,
            resident_blocks: 0,
            left_out,
            dropped: 0,
            bytes: Bytes(0),
            seconds: 0.0,
            method,
            exact: false,
        }
        .found(0, 0)
    }

    /// What is resident, and what the guest dropped.
    #[must_use]
    pub fn found(mut self, resident: u64, dropped: u64) -> Self {
        self.resident_blocks = resident;
        self.dropped = dropped;
        let known = resident
            .saturating_add(self.left_out)
            .saturating_add(dropped);
        self.exact = self.method != ProofMethod::None && known == self.asked_blocks;
        self
    }

    /// What was copied, and how long it took.
    #[must_use]
    pub fn copied(mut self, bytes: Bytes, took: Duration) -> Self {
        self.bytes = bytes;
        self.seconds = took.as_secs_f64();
        self
    }

    /// Says that every block is accounted for.
    ///
    /// # Errors
    /// [`Kind::Mismatch`] if not.
    pub fn check(&self) -> Result<()> {
        if self.exact {
            return Ok(());
        }
        Err(Error::new(
            Kind::Mismatch,
            format!("the seed cannot be accounted for: {self}"),
        )
        .remedy("seed again; the disk works meanwhile, only slower"))
    }
}

impl fmt::Display for SeedProof {
    /// `400 of 500 blocks resident, 80 left out for lack of room, 20 written meanwhile; 100 MiB in 1.5 s (exact, by
    /// mapping)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} blocks resident",
            self.resident_blocks, self.asked_blocks
        )?;
        if self.left_out > 0 {
            write!(f, ", {} left out for lack of room", self.left_out)?;
        }
        if self.dropped > 0 {
            write!(f, ", {} written meanwhile", self.dropped)?;
        }
        write!(f, "; {} in {:.1} s", self.bytes, self.seconds)?;
        let how = match self.method {
            ProofMethod::Mapping => "by mapping",
            ProofMethod::Counters => "by the driver's counters",
            ProofMethod::SecondPass => "by a second pass",
            ProofMethod::None => return f.write_str(" (not proven)"),
        };
        write!(
            f,
            " ({}, {how})",
            if self.exact { "exact" } else { "NOT exact" }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_accounted_for_or_the_proof_is_not_exact() {
        let proof = SeedProof::new(ProofMethod::Mapping, 500, 80).found(400, 20);
        assert!(proof.exact && proof.check().is_ok());
        let short = proof.clone().found(399, 20);
        assert_eq!(short.check().unwrap_err().kind(), Kind::Mismatch);
        let unknown = SeedProof::new(ProofMethod::None, 500, 80).found(400, 20);
        assert!(!unknown.exact);
    }

    #[test]
    fn reads_as_a_sentence() {
        let took = Duration::from_millis(1500);
        let proof = SeedProof::new(ProofMethod::Mapping, 500, 80)
            .found(400, 20)
            .copied(Bytes::mib(105), took);
        assert_eq!(
            proof.to_string(),
            "400 of 500 blocks resident, 80 left out for lack of room, 20 written meanwhile; 105 MiB in 1.5 s \
             (exact, by mapping)"
        );
        let none = SeedProof::new(ProofMethod::None, 5, 0);
        assert_eq!(
            none.to_string(),
            "0 of 5 blocks resident; 0 B in 0.0 s (not proven)"
        );
    }

    #[test]
    fn json_has_words_for_the_method() {
        let proof = serde_json::to_value(SeedProof::new(ProofMethod::SecondPass, 0, 0)).unwrap();
        assert_eq!(proof["method"], "second-pass");
    }
}
