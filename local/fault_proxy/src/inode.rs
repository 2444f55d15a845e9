//! The inode of the socket at the other end of a local connection. With it, `/proc` shows the process.
//!
//! **Why not `/proc/net/tcp` alone:** to produce it, the kernel walks its whole connection table, which takes 7 ms. A
//! query for one connection takes 40 µs. The file is read only if the kernel answers no query.
//! **Invariant:** `None` if the system does not tell; never the inode of another socket.

use std::fs;
use std::net::SocketAddr;

/// Returns the inode of the socket whose local address is `theirs` and whose peer address is `ours`.
#[must_use]
pub fn of(theirs: SocketAddr, ours: SocketAddr) -> Option<u32> {
    socket_inode(theirs, ours).or_else(|| in_table(&fs::read_to_string("/proc/net/tcp").ok()?, theirs, ours))
}

/// Queries the kernel for one socket. Source: Linux's `sock_diag(7)`.
#[cfg(target_os = "linux")]
fn socket_inode(theirs: SocketAddr, ours: SocketAddr) -> Option<u32> {
    use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
    use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
    use netlink_packet_sock_diag::{AF_INET, IPPROTO_TCP, SockDiagMessage};
    use netlink_sys::Socket;
    use netlink_sys::protocols::NETLINK_SOCK_DIAG;

    if !(theirs.is_ipv4() && ours.is_ipv4()) {
        return None;
    }
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let request = InetRequest {
        family: AF_INET,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::all(),
        socket_id: SocketId {
            source_port: theirs.port(),
            destination_port: ours.port(),
            source_address: theirs.ip(),
            destination_address: ours.ip(),
            interface_id: 0,
            // Any cookie.
            cookie: [0xFF; 8],
        },
    };
    let mut question = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    question.finalize();
    let mut bytes = vec![0; question.buffer_len()];
    question.serialize(&mut bytes);
    let socket = Socket::new(NETLINK_SOCK_DIAG).ok()?;
    socket.send(&bytes, 0).ok()?;
    let (answer, _) = socket.recv_from_full().ok()?;
    let answer = NetlinkMessage::<SockDiagMessage>::deserialize(&answer).ok()?;
    let NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found)) = answer.payload else {
        return None;
    };
    let SocketId {
        source_port,
        destination_port,
        ..
    } = found.header.socket_id;
    // Without such a connection the kernel returns the listening socket.
    let is_meant = (source_port, destination_port) == (theirs.port(), ours.port());
    Some(found.header.inode).filter(|inode| is_meant && *inode != 0)
}

#[cfg(not(target_os = "linux"))]
fn socket_inode(_: SocketAddr, _: SocketAddr) -> Option<u32> {
    None
}

/// Finds the same inode in the kernel's table. Source: Linux's `proc_pid_net(5)`.
fn in_table(table: &str, theirs: SocketAddr, ours: SocketAddr) -> Option<u32> {
    let both = format!(" {} {} ", column(theirs)?, column(ours)?);
    let (_, rest) = table.split_once(&both)?;
    // The fields after the two addresses: state, queues, timer, retransmits, user, timeout, inode.
    rest.lines().next()?.split_whitespace().nth(6)?.parse().ok()
}

/// Formats an address as the table does: in the machine's byte order, in hex.
fn column(address: SocketAddr) -> Option<String> {
    match address {
        SocketAddr::V4(v4) => {
            let ip = u32::from_ne_bytes(v4.ip().octets());
            Some(format!("{ip:08X}:{:04X}", v4.port()))
        }
        SocketAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn an_address_has_the_form_of_the_table() {
        let address = "127.0.0.1:4566".parse().unwrap();
        let expected = if cfg!(target_endian = "little") {
            "0100007F:11D6"
        } else {
            "7F000001:11D6"
        };
        assert_eq!(column(address).unwrap(), expected);
        assert_eq!(column("[::1]:1".parse().unwrap()), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_inode_belongs_to_the_callers_end() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:11D6 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 111 1 0 20\n   \
                     1: 0100007F:D431 0100007F:11D6 01 00000000:00000000 02:000AD1A3 00000000  1000        0 222 2 0 20\n";
        let (proxy, caller) = ("127.0.0.1:4566".parse().unwrap(), "127.0.0.1:54321".parse().unwrap());
        assert_eq!(in_table(table, caller, proxy), Some(222));
        assert_eq!(in_table(table, proxy, caller), Some(111));
        assert_eq!(in_table(table, proxy, proxy), None);
        assert_eq!(in_table("", caller, proxy), None);
    }

    /// The kernel's answer agrees with its table.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_query_and_the_table_name_the_same_inode() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, ours) = (caller.local_addr().unwrap(), listener.local_addr().unwrap());
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let inode = in_table(&table, theirs, ours);
        assert!(inode.is_some());
        assert_eq!(of(theirs, ours), inode);
        // The query returns the same inode or nothing; then the table is read.
        assert!(socket_inode(theirs, ours).is_none_or(|other| Some(other) == inode));
        assert_eq!(of(ours, "127.0.0.1:1".parse().unwrap()), None);
    }
}
