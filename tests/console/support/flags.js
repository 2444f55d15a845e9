// The options of Chromium.

export const FLAGS = [
  // The sandbox starts neither as root nor in most containers, and the pages are our own.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // No name is resolved: a request that leaves this machine fails, and the canary records it.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];
