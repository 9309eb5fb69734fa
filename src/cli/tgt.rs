//! `warmblock tgt`: from its arguments to its answers.

use std::process::ExitCode;

use super::args::{TgtApplyArgs, TgtCommand, TgtInventoryArgs, TgtRenderArgs, TgtSiteArgs, conf_d};
use super::{Cli, Output, render, settings, tgt_check};
use crate::host::Host;
use crate::model::HostName;
use crate::tgt::daemon::apply::Options;
use crate::tgt::daemon::{self, Tgtadm};
use crate::tgt::inventory::{Inventory, check_online};
use crate::tgt::registry::{self, Identities, Lookup};
use crate::tgt::render::{Templates, render as render_files};
use crate::tgt::report::InventoryReport;
use crate::{Kind, Result};

/// Does what a command on targets asks for.
pub(super) fn run(
    cli: &Cli,
    output: &Output,
    host: &Host,
    command: &TgtCommand,
) -> Result<ExitCode> {
    match command {
        TgtCommand::Inventory(args) => inventory(cli, output, host, args),
        TgtCommand::Render(args) => render_command(cli, output, host, args),
        TgtCommand::Check(args) => tgt_check::run(&cli.global, output, args),
        TgtCommand::Apply(args) => apply(cli, output, host, args),
    }
}

/// An inventory and who is who in it.
struct Site {
    inventory: Inventory,
    gateway: Option<HostName>,
    identities: Identities,
    templates: Templates,
}

impl Site {
    fn open(
        cli: &Cli,
        output: &Output,
        host: &Host,
        args: &TgtSiteArgs,
        dry_run: bool,
    ) -> Result<Self> {
        let inventory = Inventory::load(&args.file(&cli.global))?;
        output.note(|_| {
            inventory
                .warnings
                .iter()
                .map(|found| format!("{found}\n"))
                .collect()
        });
        let gateway = gateway(host, args, &inventory)?;
        let how = Lookup {
            offline: args.offline,
            dry_run,
        };
        let identities = registry::resolve(host, &inventory, how)?;
        let templates = Templates::load(&settings::roots(&cli.global).etc.join("tgt-templates"))?;
        Ok(Self {
            inventory,
            gateway,
            identities,
            templates,
        })
    }
}

fn gateway(host: &Host, args: &TgtSiteArgs, inventory: &Inventory) -> Result<Option<HostName>> {
    match (&args.gateway, &host.config.host) {
        (Some(name), _) | (None, Some(name)) => inventory.gateway_of(name),
        (None, None) => inventory.gateway_of(&crate::sys::host::hostname()?),
    }
}

fn inventory(cli: &Cli, output: &Output, host: &Host, args: &TgtInventoryArgs) -> Result<ExitCode> {
    let (found, mut problems) = Inventory::examine(&args.site.file(&cli.global))?;
    if let (Some(inventory), true) = (&found, args.online) {
        check_online(inventory, &host.connect()?, &mut problems)?;
    }
    let report = InventoryReport::new(found.as_ref(), problems.0);
    let failed = report.failed();
    output.answer(&report, render::tgt::inventory)?;
    Ok(if failed {
        ExitCode::from(Kind::Config.exit_code())
    } else {
        ExitCode::SUCCESS
    })
}

fn render_command(
    cli: &Cli,
    output: &Output,
    host: &Host,
    args: &TgtRenderArgs,
) -> Result<ExitCode> {
    let site = Site::open(cli, output, host, &args.site, args.diff)?;
    let dir = conf_d(args.out.as_deref(), &cli.global);
    let report = render_files(
        &site.inventory,
        site.gateway.as_ref(),
        &site.identities,
        &site.templates,
        &dir,
        args.diff,
    )?;
    output.answer(&report, render::tgt::files)?;
    Ok(ExitCode::SUCCESS)
}

fn apply(cli: &Cli, output: &Output, host: &Host, args: &TgtApplyArgs) -> Result<ExitCode> {
    let dry_run = args.changing.dry_run;
    let site = Site::open(cli, output, host, &args.site, dry_run)?;
    let tgtadm = Tgtadm::new(&host.exec, args.socket.as_deref(), args.control_port);
    let options = Options {
        conf_d: conf_d(args.out.as_deref(), &cli.global),
        dry_run,
        force: args.force,
    };
    let report = daemon::apply::apply(
        host,
        &tgtadm,
        &site.inventory,
        site.gateway.as_ref(),
        &site.identities,
        &site.templates,
        &options,
    )?;
    output.answer(&report, render::tgt::applied)?;
    Ok(match (report.failed(), report.held()) {
        (true, _) => ExitCode::from(Kind::Failed.exit_code()),
        (_, true) => ExitCode::from(Kind::Busy.exit_code()),
        _ => ExitCode::SUCCESS,
    })
}
