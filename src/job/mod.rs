//! A job: one request to one host. The command line and OpenNebula's drivers both produce it, as a value or as JSON.

mod report;
mod request;

pub use report::{FlushProof, LayerName, Report, Step};
pub use request::{
    Attach, CloneImage, CreateSnap, Detach, DiskJob, Insert, Job, RemoveImage, Request, ResizeImage, SeedJob, SetMode,
};
