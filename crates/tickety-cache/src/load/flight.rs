//! A flight: one load on its way, and everyone who waits for it.
//!
//! The work of a load, where it is a future, lies in the flight itself. Whoever waits may drive it: it is
//! woken through the flight, which wakes all who wait, so it gets on as long as one of them is alive
//! and polled, whatever became of the one that began it. The technique is that of
//! `futures::future::Shared`.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::sync::{Bed, Mutex};

/// The work of a load. When it is done, the flight has landed.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// A load on its way.
pub(crate) struct Flight<T> {
    /// The sequence number at which it began.
    pub(crate) began: u64,
    pilot: Pilot,
    state: Mutex<State<T>>,
    work: Mutex<Slot>,
}

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pilot {
    /// The thread that began it, within its call.
    Caller,
    /// Whoever waits asynchronously: the future may need the runtime of those who wait.
    #[cfg_attr(not(feature = "async"), expect(dead_code, reason = "only the asynchronous face loads so"))]
    Tasks,
    /// A task given to the spawner or, if the spawner lost it, whoever waits; on any thread or not.
    Spawned {
        /// Whether it may be driven by a blocked thread.
        anywhere: bool,
    },
}

struct State<T> {
    phase: Phase<T>,
    seats: Vec<Option<Option<Waker>>>,
    free: Vec<usize>,
    present: usize,
    /// Whether the spawned task was lost.
    unmanned: bool,
}

enum Phase<T> {
    Flying,
    Landed(T),
    /// The work panicked or its caller is gone; those who wait must see for themselves.
    Lost(Option<Payload>),
}

enum Slot {
    Empty,
    Idle(Work),
    Driven { woken: bool },
    Over,
}

/// How a flight ended for somebody who waited.
pub(crate) enum End<T> {
    Landed(T),
    Lost,
}

impl<T: Clone> Flight<T> {
    pub(crate) fn new(began: u64, pilot: Pilot) -> Arc<Self> {
        let state = State { phase: Phase::Flying, seats: Vec::new(), free: Vec::new(), present: 0, unmanned: false };
        Arc::new(Self { began, pilot, state: Mutex::new(state), work: Mutex::new(Slot::Empty) })
    }

    pub(crate) fn pilot(&self) -> Pilot {
        self.pilot
    }

    /// Gives the flight its work.
    pub(crate) fn load(&self, work: Work) {
        *self.work.lock() = Slot::Idle(work);
    }

    /// Takes a seat.
    pub(crate) fn board(&self) -> usize {
        let mut state = self.state.lock();
        state.present += 1;
        if let Some(seat) = state.free.pop() {
            state.seats[seat] = Some(None);
            return seat;
        }
        state.seats.push(Some(None));
        state.seats.len() - 1
    }

    /// Leaves a seat and returns how many are still taken.
    pub(crate) fn leave(&self, seat: usize) -> usize {
        let mut state = self.state.lock();
        let left = state.seats[seat].take();
        debug_assert!(left.is_some(), "a seat is left once");
        state.free.push(seat);
        state.present -= 1;
        let present = state.present;
        drop(state);
        drop(left);
        present
    }

    /// Ends the flight with a result.
    pub(crate) fn land(&self, result: T) {
        self.end(Phase::Landed(result));
    }

    /// Ends the flight without.
    pub(crate) fn lose(&self, payload: Option<Payload>) {
        self.end(Phase::Lost(payload));
    }

    fn end(&self, phase: Phase<T>) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Flying) {
            state.phase = phase;
        }
        drop(state);
        self.wake_all();
    }

    /// Says that the task that was to drive it is gone.
    pub(crate) fn unman(&self) {
        self.state.lock().unmanned = true;
        self.wake_all();
    }

    /// Returns how it ended, if it has.
    pub(crate) fn ended(&self) -> Option<End<T>> {
        match &self.state.lock().phase {
            Phase::Flying => None,
            Phase::Landed(result) => Some(End::Landed(result.clone())),
            Phase::Lost(_) => Some(End::Lost),
        }
    }

    /// Takes what the panic that ended the flight carried: it belongs to the one who began it.
    pub(crate) fn payload(&self) -> Option<Payload> {
        match &mut self.state.lock().phase {
            Phase::Lost(payload) => payload.take(),
            _ => None,
        }
    }

    /// Whether no blocked thread can do anything for it, and maybe nobody else does.
    pub(crate) fn is_stranded(&self) -> bool {
        match self.pilot {
            Pilot::Caller | Pilot::Spawned { anywhere: true } => false,
            Pilot::Tasks => true,
            Pilot::Spawned { anywhere: false } => self.state.lock().unmanned,
        }
    }

    fn wake_all(&self) {
        let wakers: Vec<Waker> = self.state.lock().seats.iter_mut().flatten().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Puts a waker on a seat, or returns how the flight ended.
    fn register(&self, seat: usize, waker: &Waker) -> Option<End<T>> {
        let mut state = self.state.lock();
        match &state.phase {
            Phase::Landed(result) => return Some(End::Landed(result.clone())),
            Phase::Lost(_) => return Some(End::Lost),
            Phase::Flying => {}
        }
        let replaced = match &mut state.seats[seat] {
            Some(Some(known)) if known.will_wake(waker) => None,
            Some(place) => place.replace(waker.clone()),
            None => None,
        };
        drop(state);
        drop(replaced);
        None
    }
}

impl<T: Clone + Send + 'static> Flight<T> {
    /// Drops the work, since nobody is left who wants it.
    pub(crate) fn cancel(&self) {
        let work = std::mem::replace(&mut *self.work.lock(), Slot::Over);
        drop(work);
        self.lose(None);
    }

    /// Waits as a task does.
    pub(crate) fn poll(self: &Arc<Self>, seat: usize, context: &mut Context<'_>, role: Role) -> Poll<End<T>> {
        if let Some(end) = self.register(seat, context.waker()) {
            return Poll::Ready(end);
        }
        if !self.may_drive(role) {
            return Poll::Pending;
        }
        self.drive();
        self.ended().map_or(Poll::Pending, Poll::Ready)
    }

    /// Waits as a thread does, until it ends or `patience`, asked before each sleep, says `None`.
    pub(crate) fn wait(
        self: &Arc<Self>,
        seat: usize,
        patience: impl Fn() -> Option<Option<Duration>>,
    ) -> Option<End<T>> {
        let bed = Arc::new(Sleeper(Bed::default()));
        let waker = Waker::from(bed.clone());
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(end) = self.poll(seat, &mut context, Role::Thread) {
                return Some(end);
            }
            if self.is_stranded() {
                return Some(End::Lost);
            }
            bed.0.sleep(patience()?);
        }
    }

    fn may_drive(&self, role: Role) -> bool {
        match (self.pilot, role) {
            (Pilot::Caller, _) | (Pilot::Tasks, Role::Thread) => false,
            (Pilot::Tasks, _) | (Pilot::Spawned { .. }, Role::Spawned) => true,
            (Pilot::Spawned { .. }, Role::Task) => self.state.lock().unmanned,
            (Pilot::Spawned { anywhere }, Role::Thread) => anywhere && self.state.lock().unmanned,
        }
    }

    /// Polls the work, unless somebody else is just doing that.
    fn drive(self: &Arc<Self>) {
        let mut work = {
            let mut slot = self.work.lock();
            match std::mem::replace(&mut *slot, Slot::Driven { woken: false }) {
                Slot::Idle(work) => work,
                other => {
                    *slot = other;
                    return;
                }
            }
        };
        let waker = Waker::from(self.clone());
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut Context::from_waker(&waker))));
        let end = match polled {
            Ok(Poll::Pending) => {
                let mut slot = self.work.lock();
                match *slot {
                    Slot::Driven { woken } => {
                        *slot = Slot::Idle(work);
                        drop(slot);
                        if woken {
                            self.wake_all();
                        }
                        return;
                    }
                    // It was cancelled meanwhile.
                    _ => None,
                }
            }
            Ok(Poll::Ready(())) => None,
            Err(payload) => Some(payload),
        };
        *self.work.lock() = Slot::Over;
        // Its destructors may panic as well.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(work)));
        self.lose(end.or(dropped.err()));
    }
}

impl<T: Clone + Send + 'static> Wake for Flight<T> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match &mut *self.work.lock() {
            // Whoever drives it sees to the rest, or else two would drive at once.
            Slot::Driven { woken } => {
                *woken = true;
                return;
            }
            Slot::Idle(_) => {}
            Slot::Empty | Slot::Over => return,
        }
        self.wake_all();
    }
}

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A thread that blocks.
    Thread,
    /// A task.
    #[cfg_attr(not(feature = "async"), expect(dead_code, reason = "only the asynchronous face waits so"))]
    Task,
    /// The task that was spawned for the work.
    Spawned,
}

/// Wakes a thread.
struct Sleeper(Bed);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}
