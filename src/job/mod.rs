//! A job: one request to one host. The command line and OpenNebula's drivers both produce it, as a value or as JSON.

mod backup;
mod guest;
mod quiet;
mod report;
mod request;
mod rested;
mod run;
mod store_dir;
mod vm_dir;
mod vm_file;

pub use backup::{Backup, BackupDisk, BackupRoom, EndBackup};
pub use report::{FlushProof, LayerName, Report, Step};
pub use request::{
    Attach, Detach, DiskJob, HandOver, Insert, Job, Quiet, Recover, Request, Rest, Rouse, SeedJob,
    SetMode, StepAsk, Steps,
};
pub use rested::GuestReport;
pub use run::{Answer, Hello, ReachedCluster, StepAnswer, run};
pub use store_dir::StoreDir;
pub(crate) use vm_dir::is_others_too;
pub use vm_dir::{OWNER, RemoveDir, VmDirJob, VmDirReport};
pub use vm_file::PutFile;
