//! Gets a stack of `CloudFormation` to where it takes a deployment again: that has to go first.

use forebay_diagnosis::facts::Facts;

use super::WayOut;
use super::known::Stack;

const DESTROYS: &str = "this destroys everything in the stack, data too, and cannot be undone";

/// The steps before a deployment; none where no stack is known.
pub(super) fn free(way: WayOut, facts: &Facts, stands: Stack) -> WayOut {
    let Some(name) = &facts.stack else {
        return way;
    };
    let of = format!("--region {} --stack-name {name}", facts.region());
    let look = format!(
        "aws cloudformation describe-stacks {of} --query 'Stacks[0].StackStatus' --output text"
    );
    let delete = format!(
        "aws cloudformation delete-stack {of}\naws cloudformation wait stack-delete-complete {of}"
    );
    let cancel = format!(
        "aws cloudformation cancel-update-stack {of}\naws cloudformation wait stack-rollback-complete {of}"
    );
    match stands {
        Stack::NeverUp => way
            .run(
                "The stack never came up, and takes no update any more: delete it, and wait until it is gone.",
                delete,
            )
            .careful(DESTROYS),
        Stack::Creating => way
            .run("See how the stack stands now.", look)
            .run(
                "If it never came up (CREATE_IN_PROGRESS, ROLLBACK_COMPLETE), it takes no update: delete it, and wait until it is gone.",
                delete,
            )
            .careful(DESTROYS),
        Stack::Updating => way.run("See how the stack stands now.", look).run(
            "If it is still being updated (UPDATE_IN_PROGRESS), it takes no other update: cancel that, and wait until it is as before.",
            cancel,
        ),
        Stack::Unknown => way
            .run(
                "See how the stack stands: only one that is complete takes a deployment.",
                look,
            )
            .can_wait()
            .run(
                "Only if that says UPDATE_IN_PROGRESS: cancel the update, and wait until it is as before.",
                cancel,
            )
            .can_wait()
            .run(
                "Only if that says CREATE_IN_PROGRESS or ROLLBACK_COMPLETE: it never came up, and there is nothing to go back to. Delete it, and wait until it is gone.",
                delete,
            )
            .careful(DESTROYS)
            .can_wait(),
    }
}
