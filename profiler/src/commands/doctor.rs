//! `iocontend doctor`: look, judge, print.

use iocontend_core::doctor::{Ability, examine};
use iocontend_core::render::{json, text};
use iocontend_core::report::Tool;
use iocontend_core::text::Problem;

use super::lease;
use crate::cli::{DoctorArgs, DoctorFormat};
use crate::doctor;
use crate::error::Failure;
use crate::host::HostRoot;
use crate::kernel::facts::KernelPaths;
use crate::output;

pub(super) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    lease::remind();
    let seen = doctor::look(&HostRoot::default(), &KernelPaths::from_environment());
    let tool = Tool { version: env!("CARGO_PKG_VERSION").to_owned(), bpf_object_sha256: None };
    let doctor = examine(&seen, tool);
    let mut out = Vec::new();
    match args.output {
        DoctorFormat::Text => text::doctor(&doctor, &output::style(), &mut out)?,
        DoctorFormat::Json => json::doctor(&doctor, &mut out)?,
    }
    output::write(&out)?;
    match doctor.ability {
        Ability::Full | Ability::Partial => Ok(()),
        Ability::None => Err(Failure::not_here(&Problem::NothingToMeasure)),
    }
}
