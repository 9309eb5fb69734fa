//! Plans are run step by step on a model of tgtd: they reach what is wanted, nothing is left to do, and at no moment is anything
//! open to more than it should be.

mod any;
mod model;
mod secrets;
mod sessions;
mod targets;
mod wanted;

use super::super::show::{LunState, Nexus, TargetState};
use super::*;
use crate::tgt::inventory::ClientRole;
use crate::tgt::render::{ChapView, ClientView, LunView, Parameter, TargetView};
use model::{Model, carry_out};
use wanted::{ours, session, wanted};
