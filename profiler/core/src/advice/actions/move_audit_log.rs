//! `move-audit-log`: the API server's audit log goes to another disk.
//!
//! - *Applies when* an API server that writes an audit log makes etcd wait. Its default mode is `blocking` (kube-apiserver,
//!   `--audit-log-mode`), so that requests wait for the log as well.
//! - *Inert when* its other writes are what etcd waits for.
//! - *Harmful when* the other place is lost on a restart: audit logs are kept for a reason.

use super::common::{gone, share, structural};
use crate::advice::case::Case;
use crate::advice::judgement::Judgement;
use crate::ids::{FileClass, Op, Role};
use crate::report::{Action, Risk, Why};

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let written = |class: Option<FileClass>| -> u64 {
        let rows = case.culprit.io.iter().filter(|io| io.op == Op::Write);
        rows.filter(|io| class.is_none_or(|class| io.file_class == class)).map(|io| io.bytes).sum()
    };
    let audit = written(Some(FileClass::AuditLog));
    if case.culprit.role != Role::Apiserver || audit * 2 < written(None) || audit == 0 {
        return Judgement::Silent;
    }
    let action = Action::MoveAuditLog { actor: case.actor(), device: case.disk_name() };
    let why = Why::AuditBeside { share: share(case) };
    Judgement::Recommended(Box::new(structural(case, action, why, gone(case), Risk::Restart)))
}
