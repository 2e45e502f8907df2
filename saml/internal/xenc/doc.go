// Package xenc decrypts the elements that SAML encrypts (XML Encryption 1.1):
// an EncryptedAssertion or EncryptedID with one EncryptedData, its content key
// encrypted for one of our RSA keys.
//
// # No oracle
//
// Who can try ciphertexts and learn why one was refused can decrypt messages of
// others. So there is one error for everything that depends on a key
// ([ErrDecryption]), a key transport that fails goes on with a random key, and
// the caller is asked to answer in the same text and time. AES-CBC, which does
// not notice changes, is refused unless the caller knows that the ciphertext is
// the sender's.
package xenc
