// Package token keeps the API tokens of programs: operator-wide, or of one
// organization; scoped, expiring, kept as a hash.
//
// A token never does more than its maker may, and ends when its maker loses the
// role. The table api_tokens belongs to this package.
package token
