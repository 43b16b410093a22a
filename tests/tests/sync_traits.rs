//! The types of `lif::sync` are what std's are: `Send`, `Sync`, unwind safe, unsized, in constants.

#![allow(dead_code, reason = "it is checked that it compiles")]

use std::{
    any::TypeId,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
};

use lif::sync;

/// Says of a type whether it has a trait, without asking for it: the inherent constant is there only
/// if it has.
macro_rules! has {
    ($kind:ty: $($bound:tt)+) => {{
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T: ?Sized> Otherwise for T {}
        struct Asked<T: ?Sized>(std::marker::PhantomData<T>);
        impl<T: ?Sized + $($bound)+> Asked<T> {
            const HAS: bool = true;
        }
        <Asked<$kind>>::HAS
    }};
}

/// Compares all four for a type of ours and of std's.
macro_rules! as_std {
    ($([$($name:tt)+])+) => {$(
        assert_eq!(
            [
                has!(sync::$($name)+: Send),
                has!(sync::$($name)+: Sync),
                has!(sync::$($name)+: UnwindSafe),
                has!(sync::$($name)+: RefUnwindSafe),
            ],
            [
                has!(std::sync::$($name)+: Send),
                has!(std::sync::$($name)+: Sync),
                has!(std::sync::$($name)+: UnwindSafe),
                has!(std::sync::$($name)+: RefUnwindSafe),
            ],
            "{}", stringify!($($name)+)
        );
    )+};
}

type Plain = u32;
type NotSend = Rc<u32>;
type NotSync = std::cell::Cell<u32>;

#[test]
fn auto_traits_are_those_of_std() {
    as_std!(
        [Mutex<Plain>]
        [Mutex<NotSend>]
        [Mutex<NotSync>]
        [RwLock<Plain>]
        [RwLock<NotSend>]
        [RwLock<NotSync>]
        [OnceLock<Plain>]
        [OnceLock<NotSend>]
        [OnceLock<NotSync>]
        [LazyLock<Plain>]
        [LazyLock<NotSend>]
        [LazyLock<NotSync>]
        [MutexGuard<'static, Plain>]
        [MutexGuard<'static, NotSend>]
        [MutexGuard<'static, NotSync>]
        [RwLockReadGuard<'static, Plain>]
        [RwLockReadGuard<'static, NotSync>]
        [RwLockWriteGuard<'static, Plain>]
        [RwLockWriteGuard<'static, NotSync>]
    );
    assert!(!has!(sync::MutexGuard<'static, Plain>: Send));
    assert!(has!(sync::Parker: Send) && !has!(sync::Parker: Sync));
    assert!(has!(sync::Semaphore: Send + Sync) && has!(sync::Notify: Send + Sync));
    assert!(has!(sync::WaitGroup: Send + Sync) && has!(sync::Unparker: Send + Sync));
    assert!(has!(sync::SemaphorePermit<'static>: Send + Sync));
    assert!(has!(sync::OwnedSemaphorePermit: Send + Sync + 'static));
}

static MUTEX: sync::Mutex<u32> = sync::Mutex::new(1);
static LOCK: sync::RwLock<u32> = sync::RwLock::new(1);
static CONDVAR: sync::Condvar = sync::Condvar::new();
static BARRIER: sync::Barrier = sync::Barrier::new(1);
static ONCE: sync::Once = sync::Once::new();
static CELL: sync::OnceLock<u32> = sync::OnceLock::new();
static LAZY: sync::LazyLock<u32> = sync::LazyLock::new(|| 1);

#[test]
fn what_protects_may_be_unsized() {
    let locks: [Box<sync::Mutex<dyn Fn() -> u32>>; 2] =
        [Box::new(sync::Mutex::new(|| 1)), Box::new(sync::Mutex::new(|| 2))];
    assert_eq!(locks.iter().map(|lock| lock.lock().unwrap()()).sum::<u32>(), 3);
    let slice: &sync::RwLock<[u32]> = &sync::RwLock::new([1, 2]);
    assert_eq!(slice.read().unwrap().len(), 2);
}

#[test]
fn words_of_poison_and_counted_pointers_are_stds_own() {
    fn same<A: 'static, B: 'static>() -> bool {
        TypeId::of::<A>() == TypeId::of::<B>()
    }
    assert!(same::<sync::Arc<u32>, std::sync::Arc<u32>>());
    assert!(same::<sync::Weak<u32>, std::sync::Weak<u32>>());
    assert!(same::<sync::PoisonError<u32>, std::sync::PoisonError<u32>>());
    assert!(same::<sync::TryLockResult<u32>, std::sync::TryLockResult<u32>>());
    assert!(same::<sync::LockResult<u32>, std::sync::LockResult<u32>>());
    assert!(same::<sync::atomic::AtomicU32, std::sync::atomic::AtomicU32>());
}

#[test]
fn defaults_conversions_and_formats_are_there() {
    assert_eq!(*sync::Mutex::<u32>::default().lock().unwrap(), 0);
    assert_eq!(*sync::Mutex::from(1).lock().unwrap(), 1);
    assert_eq!(*sync::RwLock::<u32>::default().read().unwrap(), 0);
    assert_eq!(*sync::RwLock::from(1).read().unwrap(), 1);
    assert_eq!(*sync::LazyLock::<u32>::default(), 0);
    assert_eq!(sync::OnceLock::<u32>::default(), sync::OnceLock::new());
    for (ours, stds) in [
        (format!("{:?}", sync::Mutex::new(1)), format!("{:?}", std::sync::Mutex::new(1))),
        (format!("{:?}", sync::RwLock::new(1)), format!("{:?}", std::sync::RwLock::new(1))),
        (format!("{:?}", sync::Condvar::default()), format!("{:?}", std::sync::Condvar::default())),
        (format!("{:?}", sync::Barrier::new(1)), format!("{:?}", std::sync::Barrier::new(1))),
        (format!("{:?}", sync::Once::new()), format!("{:?}", std::sync::Once::new())),
        (
            format!("{:?}", sync::Barrier::new(1).wait()),
            format!("{:?}", std::sync::Barrier::new(1).wait()),
        ),
        (
            format!("{0:?} {0}", MUTEX.lock().unwrap()),
            format!("{0:?} {0}", std::sync::Mutex::new(1).lock().unwrap()),
        ),
    ] {
        assert_eq!(ours, stds);
    }
}
