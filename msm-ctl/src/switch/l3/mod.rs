//! Routing, the control side: interfaces to the stack, static routes and neighbours in the kernel, and what the kernel says of them.

pub(crate) mod arp;
pub(crate) mod feed;
pub(crate) mod fib;
mod interfaces;
pub(crate) mod names;
pub(crate) mod neighbours;
pub(crate) mod statics;
mod sysctl;
pub(crate) mod table;
pub(crate) mod task;

/// Removes every interface of the switch that has this address, for a teardown.
///
/// # Errors
/// What the kernel says.
pub(crate) fn remove(mac: [u8; 6]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let (view, _events) = crate::netlink::spawn().await.map_err(|error| error.to_string())?;
        let (_, faults) = interfaces::make(&view, &std::collections::BTreeMap::new(), mac).await;
        faults.into_iter().next().map_or(Ok(()), Err)
    })
}
