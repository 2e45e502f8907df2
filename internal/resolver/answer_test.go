package resolver

import (
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// FuzzRead: whatever a server sends, nothing panics, and no more comes out than
// is asked for.
func FuzzRead(f *testing.F) {
	q := dnsmessage.Question{Name: dnsmessage.MustNewName("acme.test."), Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET}
	good := dnsmessage.Message{
		Header: dnsmessage.Header{ID: 1, Response: true}, Questions: []dnsmessage.Question{q},
		Answers: []dnsmessage.Resource{
			{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("other.test.")}},
			{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("other.test."), Class: q.Class}, Body: &dnsmessage.TXTResource{TXT: []string{"one", "two"}}},
		},
	}
	raw, err := good.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:12])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, message []byte) {
		for _, kind := range []dnsmessage.Type{dnsmessage.TypeTXT, dnsmessage.TypeMX, dnsmessage.TypeA, dnsmessage.TypeAAAA} {
			asked := q
			asked.Type = kind
			a, err := read(message, 1, asked)
			if (a == nil) == (err == nil) {
				t.Fatalf("%v and %v", a, err)
			}
			if a == nil {
				continue
			}
			if len(a.records) > maxRecords || a.truncated && len(a.records) > 0 {
				t.Fatalf("%d records", len(a.records))
			}
			for _, r := range a.records {
				switch r.(type) {
				case *dnsmessage.TXTResource, *dnsmessage.MXResource, *dnsmessage.AResource, *dnsmessage.AAAAResource:
				default:
					t.Fatalf("a %T", r)
				}
			}
		}
	})
}
