// Package throttle counts tries, over all nodes.
//
// A bucket counts what is taken from it within a time that begins with the first
// of them; when that is over it is empty again. What is counted, such as an
// address that somebody has typed, is kept as a keyed hash, of which only so
// many bits are used that the table can't grow beyond [Kinds] times 2^20 rows,
// whatever is thrown at it. Two addresses can so share a bucket: some stranger
// has to wait, rarely and not for long.
//
// signin takes from buckets before it looks at a password, and gives back where
// the password was right: of many tries at the same time no more than the limit
// gets through. The table throttles belongs to this package.
package throttle
