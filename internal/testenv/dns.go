package testenv

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A DNS is a server of names for a test, over UDP and TCP. It answers for every
// name: with what it was told, else that there is no such name.
type DNS struct {
	// Address is where it is, as HOST:PORT.
	Address string

	mu     sync.Mutex
	names  map[string]*dnsName
	asked  []string
	hijack func(message []byte, tcp bool) [][]byte
	hold   *dnsHold
}

// dnsHold keeps an answer back.
type dnsHold struct{ asked, release chan struct{} }

// dnsName is what the server knows of a name.
type dnsName struct {
	records []dnsmessage.ResourceBody
	code    dnsmessage.RCode
	silent  bool
}

// StartDNS starts a server that ends with the test. It knows no names yet.
func StartDNS(t testing.TB) *DNS {
	t.Helper()
	tcp, udp := dnsSockets(t)
	d := &DNS{Address: tcp.Addr().String(), names: map[string]*dnsName{}}
	var work sync.WaitGroup
	work.Go(func() { d.serveUDP(udp) })
	work.Go(func() { d.serveTCP(tcp) })
	t.Cleanup(func() {
		tcp.Close()
		udp.Close()
		work.Wait()
	})
	return d
}

// dnsSockets opens both transports at one port.
func dnsSockets(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	var last error
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("a DNS server for the test: %v", err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			return tcp, udp
		}
		last = err
		tcp.Close()
	}
	t.Fatalf("a DNS server for the test: %v", last)
	return nil, nil
}

// at returns what is known of a name.
func (d *DNS) at(name string) *dnsName {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if d.names[name] == nil {
		d.names[name] = &dnsName{}
	}
	return d.names[name]
}

// set replaces the records of one type at a name.
func (d *DNS) set(name string, kind dnsmessage.Type, records []dnsmessage.ResourceBody) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.at(name)
	kept := records
	for _, r := range n.records {
		if dnsType(r) != kind {
			kept = append(kept, r)
		}
	}
	n.records, n.code, n.silent = kept, dnsmessage.RCodeSuccess, false
}

// TXT sets the texts at a name; without any there are none.
func (d *DNS) TXT(name string, texts ...string) {
	var records []dnsmessage.ResourceBody
	for _, text := range texts {
		var parts []string
		for len(text) > 255 {
			parts, text = append(parts, text[:255]), text[255:]
		}
		records = append(records, &dnsmessage.TXTResource{TXT: append(parts, text)})
	}
	d.set(name, dnsmessage.TypeTXT, records)
}

// MX sets the hosts that receive a domain's mail; "." says that none does.
func (d *DNS) MX(name string, hosts ...string) {
	var records []dnsmessage.ResourceBody
	for i, host := range hosts {
		records = append(records, &dnsmessage.MXResource{Pref: uint16(10 * i), MX: dnsmessage.MustNewName(strings.TrimSuffix(host, ".") + ".")})
	}
	d.set(name, dnsmessage.TypeMX, records)
}

// Host sets the addresses of a host.
func (d *DNS) Host(name string, addresses ...string) {
	var four, six []dnsmessage.ResourceBody
	for _, text := range addresses {
		if a := netip.MustParseAddr(text); a.Is4() {
			four = append(four, &dnsmessage.AResource{A: a.As4()})
		} else {
			six = append(six, &dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	d.set(name, dnsmessage.TypeA, four)
	d.set(name, dnsmessage.TypeAAAA, six)
}

// Alias makes a name stand for another one.
func (d *DNS) Alias(name, for_ string) {
	d.set(name, dnsmessage.TypeCNAME, []dnsmessage.ResourceBody{&dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(for_ + ".")}})
}

// Refuse has the server answer questions about a name with a code, until the
// name is told anew.
func (d *DNS) Refuse(name string, code dnsmessage.RCode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at(name).code = code
}

// Silence has the server not answer questions about a name, until the name is
// told anew.
func (d *DNS) Silence(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at(name).silent = true
}

// Hijack has every question answered by a function: with the messages that it
// returns, each on its own. Nil ends that.
func (d *DNS) Hijack(f func(message []byte, tcp bool) [][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hijack = f
}

// Hold keeps the answer to the next question over UDP back, as it is when it is
// asked for, until release is called. Asked is closed when it was.
func (d *DNS) Hold() (asked <-chan struct{}, release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := &dnsHold{make(chan struct{}), make(chan struct{})}
	d.hold = h
	return h.asked, func() { close(h.release) }
}

// Asked returns the questions so far, such as "TXT acme.test".
func (d *DNS) Asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked...)
}

func (d *DNS) serveUDP(conn net.PacketConn) {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		replies := d.reply(buffer[:n], false)
		d.mu.Lock()
		held := d.hold
		d.hold = nil
		d.mu.Unlock()
		go func() {
			if held != nil {
				close(held.asked)
				<-held.release
			}
			for _, reply := range replies {
				conn.WriteTo(reply, from) // a lost datagram is one
			}
		}()
	}
}

func (d *DNS) serveTCP(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			var length [2]byte
			if _, err := io.ReadFull(conn, length[:]); err != nil {
				return
			}
			message := make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(conn, message); err != nil {
				return
			}
			for _, reply := range d.reply(message, true) {
				conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
			}
		}()
	}
}

// reply returns the messages that answer a question.
func (d *DNS) reply(message []byte, tcp bool) [][]byte {
	var m dnsmessage.Message
	if err := m.Unpack(message); err != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	d.mu.Lock()
	d.asked = append(d.asked, strings.TrimPrefix(q.Type.String(), "Type")+" "+strings.TrimSuffix(q.Name.String(), "."))
	hijack := d.hijack
	d.mu.Unlock()
	if hijack != nil {
		return hijack(append([]byte(nil), message...), tcp)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	out := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionDesired: m.RecursionDesired, RecursionAvailable: true},
		Questions: m.Questions,
	}
	if silent := d.answer(&out, q.Name, q.Type); silent {
		return nil
	}
	raw, err := out.Pack()
	if err != nil {
		panic(err) // what a test told was no record
	}
	if size := dnsRoom(&m); !tcp && len(raw) > size {
		out.Truncated, out.Answers = true, nil
		if raw, err = out.Pack(); err != nil {
			panic(err)
		}
	}
	return [][]byte{raw}
}

// answer fills in the records of a name, along its aliases.
func (d *DNS) answer(out *dnsmessage.Message, name dnsmessage.Name, kind dnsmessage.Type) (silent bool) {
	for range 10 {
		n := d.names[strings.ToLower(strings.TrimSuffix(name.String(), "."))]
		if n == nil {
			out.RCode = dnsmessage.RCodeNameError
			return false
		}
		if n.silent || n.code != dnsmessage.RCodeSuccess {
			out.RCode = n.code
			return n.silent
		}
		next := name
		for _, r := range n.records {
			if alias, ok := r.(*dnsmessage.CNAMEResource); ok && kind != dnsmessage.TypeCNAME {
				next = alias.CNAME
			} else if dnsType(r) != kind {
				continue
			}
			out.Answers = append(out.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 60}, Body: r,
			})
		}
		if next == name {
			return false
		}
		name = next
	}
	return false
}

// dnsRoom is the size of answers that whoever asks takes over UDP.
func dnsRoom(m *dnsmessage.Message) int {
	for _, r := range m.Additionals {
		if r.Header.Type == dnsmessage.TypeOPT {
			return max(512, int(r.Header.Class))
		}
	}
	return 512
}

func dnsType(r dnsmessage.ResourceBody) dnsmessage.Type {
	switch r.(type) {
	case *dnsmessage.TXTResource:
		return dnsmessage.TypeTXT
	case *dnsmessage.MXResource:
		return dnsmessage.TypeMX
	case *dnsmessage.AResource:
		return dnsmessage.TypeA
	case *dnsmessage.AAAAResource:
		return dnsmessage.TypeAAAA
	}
	return dnsmessage.TypeCNAME
}
