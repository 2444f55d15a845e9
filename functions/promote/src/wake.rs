//! Wakes what is due soon, ten minutes ahead: SQS delays each wake-up to its second, nothing
//! is written per email, and nothing is late though nine runs in a row fail.

use domain::index::LOOK_AHEAD;
use domain::ports::{
    Accounts, Backlog, Clock, Coming, DeadLetters, DueCursor, DueIndex, Evidence, Lanes, Paces, PortError, Rows, Wake,
};
use domain::timestamp::Timestamp;

use crate::{Promote, Promoted, Run};

/// Entries that are woken before the cursor is saved: what a crash makes be woken twice.
const AT_ONCE: usize = 500;

impl<R, L, D, E, A, S> Promote<R, L, D, E, A, S>
where
    R: Rows + DueIndex + Paces,
    L: Lanes + Backlog,
    D: DeadLetters,
    E: Evidence,
    A: Accounts,
    S: Clock,
{
    /// Sends the wake-ups of a shard of `wake` from where the last run ended.
    ///
    /// The cursor is saved after sending: a crash doubles wake-ups, and loses none.
    pub(crate) async fn wake_coming(
        &self,
        shard: u16,
        mut cursor: Option<DueCursor>,
        run: &Run,
    ) -> Result<Promoted, PortError> {
        let mut done = Promoted::default();
        loop {
            let now = self.system.now();
            let page = self.rows.coming(shard, now.after(LOOK_AHEAD), cursor.as_ref()).await?;
            for entries in page.items.chunks(AT_ONCE) {
                if run.time_is_over() {
                    done.unfinished = true;
                    return Ok(done);
                }
                let sent = self.send_wake_ups(entries, now).await;
                done.woken += sent;
                if let Some(last) = sent.checked_sub(1).and_then(|last| entries.get(last)) {
                    self.rows.save_cursor(shard, &last.cursor).await?;
                }
                if sent < entries.len() {
                    // The cursor stays before what failed: the next run begins there.
                    done.failed += entries.len() - sent;
                    return Ok(done);
                }
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(done),
            }
        }
    }

    /// Returns how many were sent before the first that failed.
    async fn send_wake_ups(&self, entries: &[Coming], now: Timestamp) -> usize {
        let wakes: Vec<Wake> = entries
            .iter()
            .map(|coming| Wake {
                lane: coming.lane,
                wake_up: coming.wake_up.clone(),
                delay: coming.not_before.since(now),
            })
            .collect();
        let results = self.lanes.wake(&wakes).await;
        if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
            let error = aws::telemetry::chain(error);
            tracing::warn!(error, "wake-ups could not be sent; the next run sends them");
        }
        results.iter().take_while(|result| result.is_ok()).count()
    }
}
