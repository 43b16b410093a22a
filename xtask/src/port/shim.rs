//! `crossbeam_utils::thread::scope` with coroutines: the same calls over `lif::thread::scope`.
//!
//! What a program that uses crossbeam's scopes would write beside its port, since std's scopes,
//! which Lif follows, differ from them in shape. Compiled only with the crates that are ported.

pub mod thread {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// As crossbeam's `Scope`.
    pub struct Scope<'scope, 'env: 'scope>(&'scope lif::thread::Scope<'scope, 'env>);

    /// Runs `f`, waits for all that it has spawned, and fails if one of them has panicked.
    pub fn scope<'env, F, R>(f: F) -> std::thread::Result<R>
    where
        F: for<'scope> FnOnce(&Scope<'scope, 'env>) -> R,
    {
        catch_unwind(AssertUnwindSafe(|| lif::thread::scope(|scope| f(&Scope(scope)))))
    }

    impl<'scope, 'env> Scope<'scope, 'env> {
        /// Starts a coroutine that may borrow what outlives the scope.
        pub fn spawn<F, T>(&self, f: F) -> lif::thread::ScopedJoinHandle<'scope, T>
        where
            F: FnOnce(&Scope<'scope, 'env>) -> T + Send + 'scope,
            T: Send + 'scope,
        {
            let scope = self.0;
            scope.spawn(move || f(&Scope(scope)))
        }
    }
}
