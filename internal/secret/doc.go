// Package secret encrypts what must not stand readable in the database: private
// keys, recorded messages. It also makes keyed hashes of what must not be
// guessable there.
//
// A [Ring] holds the installation's key-encryption keys: a current one, with
// which everything is sealed, and older ones, with which it can still be
// opened. None of them is used as it is. Each table's column gets a key of its
// own by HKDF-SHA256, and each purpose of a keyed hash another one.
//
// A sealed value is bound to its [Place]: moved to another row, column or
// table it does not open. Its form is
//
//	version (1 octet, 1) | key id (4) | nonce (12) | ciphertext and tag
//
// AES-256-GCM with random nonces allows 2^32 values under one key, which means
// for one column between two rotations.
//
// To rotate, put a new key before the old one, restart every node, and seal
// again whatever [Ring.NeedsRotation] names, as sallyport keys reseal does; then
// the old key can go.
//
// Packages with secrets in their tables call Seal and Open in their rows.go;
// app reads the keys. No error and no printed form holds any part of a key.
package secret
