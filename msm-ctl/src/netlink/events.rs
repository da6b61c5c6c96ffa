//! The queue of link events: bounded, and never silently short.

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::LinkEvent;

/// Events the owner may be behind: every port of the largest chassis going down at once, and room.
const QUEUE: usize = 4_096;

/// The writing end. When it is full, events are dropped and one `Resynced` stands for all of them.
pub(super) struct Events {
    queue: mpsc::Sender<LinkEvent>,
    behind: bool,
}

impl Events {
    /// Both ends.
    pub(super) fn new() -> (Self, mpsc::Receiver<LinkEvent>) {
        Self::with_room(QUEUE)
    }

    fn with_room(room: usize) -> (Self, mpsc::Receiver<LinkEvent>) {
        let (queue, reader) = mpsc::channel(room);
        (Self { queue, behind: false }, reader)
    }

    /// Queues an event; never waits.
    pub(super) fn push(&mut self, event: LinkEvent) {
        if self.behind {
            self.catch_up();
        }
        if !self.behind && matches!(self.queue.try_send(event), Err(TrySendError::Full(_))) {
            self.behind = true;
        }
    }

    /// Events were dropped and the reader has not been told.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Waits until the reader can be told. Cancel safe.
    pub(super) async fn room(&self) {
        // Closed: nobody is there to be told, and `closed` ends the task.
        let _ = self.queue.reserve().await;
    }

    /// Tells the reader that events were dropped, if there is room.
    pub(super) fn catch_up(&mut self) {
        self.behind = matches!(self.queue.try_send(LinkEvent::Resynced), Err(TrySendError::Full(_)));
    }

    /// Resolves when the reader is gone.
    pub(super) async fn closed(&self) {
        self.queue.closed().await;
    }

    /// Something that resolves when the reader is gone, for another task.
    pub(super) fn end(&self) -> mpsc::Sender<LinkEvent> {
        self.queue.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(ifindex: u32) -> LinkEvent {
        LinkEvent::Removed { name: format!("p{ifindex}"), ifindex }
    }

    #[test]
    fn a_full_queue_turns_what_it_drops_into_one_resync() {
        let (mut events, mut reader) = Events::with_room(2);
        (1..=5).for_each(|ifindex| events.push(removed(ifindex)));
        assert!(events.is_behind());
        assert_eq!(reader.try_recv().unwrap(), removed(1));
        events.push(removed(6));
        assert_eq!(reader.try_recv().unwrap(), removed(2));
        assert_eq!(reader.try_recv().unwrap(), LinkEvent::Resynced, "before anything newer");
        // 6 found room for the Resynced only, so the reader must hear of it again.
        assert!(events.is_behind());
        events.catch_up();
        assert_eq!(reader.try_recv().unwrap(), LinkEvent::Resynced);
        assert!(!events.is_behind());
        events.push(removed(7));
        assert_eq!(reader.try_recv().unwrap(), removed(7));
    }
}
