// Package dbtest gives each test a migrated database of its own, and runs one
// test on both engines:
//
//	func TestClaim(t *testing.T) {
//		dbtest.Each(t, func(t *testing.T, d *db.DB) {
//			…
//		})
//	}
//
// The tables of [Watched] may change only together with an audit event.
//
// Only tests import it.
package dbtest
