package main

import (
	"net"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// names is the name server of the company in the tutorial: it knows the TXT
// records that were entered on the company's page, and nothing else.
type names struct {
	address string
	conn    net.PacketConn

	mu      sync.Mutex
	records []record
}

type record struct{ Name, Value string }

func startNames() (*names, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n := &names{address: conn.LocalAddr().String(), conn: conn}
	go n.serve()
	return n, nil
}

func (n *names) close() { n.conn.Close() }

func (n *names) add(name, value string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records = append(n.records, record{canonical(name), strings.TrimSpace(value)})
}

func (n *names) list() []record {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]record(nil), n.records...)
}

func canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
}

func (n *names) serve() {
	buffer := make([]byte, 1<<12)
	for {
		size, from, err := n.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if reply := n.reply(buffer[:size]); reply != nil {
			n.conn.WriteTo(reply, from) // a lost datagram is one
		}
	}
}

func (n *names) reply(question []byte) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	out := dnsmessage.Message{Questions: m.Questions, Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true,
		RecursionDesired: m.RecursionDesired, RecursionAvailable: true, RCode: dnsmessage.RCodeNameError}}
	for _, r := range n.list() {
		if r.Name != canonical(q.Name.String()) {
			continue
		}
		out.RCode = dnsmessage.RCodeSuccess
		if q.Type == dnsmessage.TypeTXT && len(r.Value) <= 255 {
			out.Answers = append(out.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1}, Body: &dnsmessage.TXTResource{TXT: []string{r.Value}},
			})
		}
	}
	raw, err := out.Pack()
	if err != nil {
		return nil
	}
	return raw
}
