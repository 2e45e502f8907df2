package signin

import (
	"crypto/subtle"

	"sallyport/internal/id"
)

// BoundTo returns the one of a browser's tokens that has the hash. All are
// compared, in constant time.
func BoundTo(hash []byte, tokens []string) (token string, ok bool) {
	for _, t := range tokens {
		if subtle.ConstantTimeCompare(hash, id.Hash(t)) == 1 {
			token, ok = t, true
		}
	}
	return token, ok
}
