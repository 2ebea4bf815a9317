//! What every implementation of accounts does, one sentence a function.
//!
//! `accounts_suite!(fresh)` makes a test of each; `fresh` is an async function that gives empty accounts and whatever must
//! outlive them: `async fn fresh() -> (SqlCatalog, TempDir)`.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite tells by panics what does not hold"
)]

mod robots;
mod users;

pub use robots::*;
pub use users::*;

use forebay_content::{AccountChange, Stamp, Timestamp};

/// Makes a test of every sentence about accounts.
#[macro_export]
macro_rules! accounts_suite {
    ($fresh:path) => {
        $crate::accounts_suite!(@each $fresh;
            a_user_is_told_as_added,
            a_name_that_is_taken_stays_with_whom_it_is,
            names_are_apart_by_case,
            a_new_password_leaves_a_disabled_user_disabled,
            a_disabled_user_keeps_its_password_and_may_come_back,
            a_removed_user_is_gone_and_its_name_is_free,
            what_is_done_to_a_user_that_is_not_there_does_nothing,
            users_are_told_page_by_page,
            a_token_is_told_as_added,
            an_id_that_is_taken_stays_with_whom_it_is,
            several_tokens_have_one_name,
            a_token_keeps_the_time_of_its_first_revocation,
            a_removed_token_is_gone,
            tokens_are_told_page_by_page,
        );
    };
    (@each $fresh:path; $($sentence:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $sentence() {
                let (accounts, _guard) = $fresh().await;
                $crate::accounts::$sentence(&accounts).await;
            }
        )+
    };
}

fn change(at: i64, stamp: u64) -> AccountChange {
    AccountChange {
        at: Timestamp(at),
        stamp: Stamp(stamp),
    }
}

#[cfg(test)]
mod tests {
    use forebay_content::memory::MemoryAccounts;

    #[expect(clippy::unused_async, reason = "the suite awaits what it is given")]
    async fn fresh() -> (MemoryAccounts, ()) {
        (MemoryAccounts::new(), ())
    }

    crate::accounts_suite!(fresh);
}
