package resolver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A server is a resolver at a HOST:PORT, asked over UDP, and over TCP where an
// answer does not fit (RFC 1035, section 4.2; RFC 7766).
type server string

// datagram is the size of answers that are asked for over UDP: what passes
// everywhere in one piece.
const datagram = 1232

// Name implements [Resolver].
func (s server) Name() string { return string(s) }

// TXT implements [Resolver].
func (s server) TXT(ctx context.Context, name string) ([]string, error) {
	bodies, err := s.ask(ctx, name, dnsmessage.TypeTXT)
	var found []string
	for _, b := range bodies {
		if txt, ok := b.(*dnsmessage.TXTResource); ok {
			text := strings.Join(txt.TXT, "")
			found = append(found, text[:min(len(text), maxText)])
		}
	}
	return found, err
}

// MX implements [Resolver].
func (s server) MX(ctx context.Context, name string) ([]string, error) {
	bodies, err := s.ask(ctx, name, dnsmessage.TypeMX)
	var hosts []string
	for _, b := range bodies {
		if mx, ok := b.(*dnsmessage.MXResource); ok {
			hosts = append(hosts, mx.MX.String())
		}
	}
	return receivers(hosts), err
}

// Addresses implements [Resolver]. One of the two kinds of addresses is enough.
func (s server) Addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	four, err4 := s.ask(ctx, host, dnsmessage.TypeA)
	six, err6 := s.ask(ctx, host, dnsmessage.TypeAAAA)
	var found []netip.Addr
	for _, b := range append(four, six...) {
		switch r := b.(type) {
		case *dnsmessage.AResource:
			found = append(found, netip.AddrFrom4(r.A))
		case *dnsmessage.AAAAResource:
			found = append(found, netip.AddrFrom16(r.AAAA))
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, errors.Join(err4, err6)
}

// ask sends a question and returns the records that answer it.
func (s server) ask(ctx context.Context, name string, kind dnsmessage.Type) ([]dnsmessage.ResourceBody, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	n, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	q := dnsmessage.Question{Name: n, Type: kind, Class: dnsmessage.ClassINET}
	found, err := s.exchange(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFailed, s, err)
	}
	return found, nil
}

func (s server) exchange(ctx context.Context, q dnsmessage.Question) ([]dnsmessage.ResourceBody, error) {
	a, err := s.overUDP(ctx, q, true)
	if err == nil && (a.code == dnsmessage.RCodeFormatError || a.code == dnsmessage.RCodeNotImplemented) {
		a, err = s.overUDP(ctx, q, false) // by a server from before 1999
	}
	if err == nil && a.truncated {
		a, err = s.overTCP(ctx, q)
	}
	if err != nil {
		return nil, err
	}
	switch a.code {
	case dnsmessage.RCodeSuccess:
		return a.records, nil
	case dnsmessage.RCodeNameError:
		return nil, nil
	}
	return nil, fmt.Errorf("it answered %v", a.code)
}

// overUDP sends the question until there is an answer to it. A port and an id
// that can't be guessed keep others from answering in the server's place; what
// does not match is passed over.
func (s server) overUDP(ctx context.Context, q dnsmessage.Question, extended bool) (*answer, error) {
	question, id, err := pack(q, extended)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", string(s))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	buffer := make([]byte, 1<<16)
	for range tries {
		if _, err := conn.Write(question); err != nil {
			return nil, err
		}
		if err := conn.SetReadDeadline(soon(ctx, tryAgain)); err != nil {
			return nil, err
		}
		for {
			n, err := conn.Read(buffer)
			if isTimeout(err) {
				break
			}
			if err != nil {
				return nil, err
			}
			if a, err := read(buffer[:n], id, q); err == nil {
				return a, nil
			}
		}
	}
	return nil, errors.New("it does not answer")
}

// overTCP asks for an answer of any length, which is at most 64 KiB.
func (s server) overTCP(ctx context.Context, q dnsmessage.Question) (*answer, error) {
	question, id, err := pack(q, true)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", string(s))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(soon(ctx, timeout)); err != nil {
		return nil, err
	}
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(question)))
	if _, err := conn.Write(append(framed, question...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, message); err != nil {
		return nil, err
	}
	return read(message, id, q)
}

// soon is when to give up: after d, or with the context.
func soon(ctx context.Context, d time.Duration) time.Time {
	at := time.Now().Add(d)
	if end, ok := ctx.Deadline(); ok && end.Before(at) {
		return end
	}
	return at
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// pack makes the message of a question, with a random id.
func pack(q dnsmessage.Question, extended bool) (message []byte, id uint16, err error) {
	var raw [2]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return nil, 0, err
	}
	id = binary.BigEndian.Uint16(raw[:])
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{q},
	}
	if extended {
		opt := dnsmessage.Resource{Body: &dnsmessage.OPTResource{}}
		if err := opt.Header.SetEDNS0(datagram, dnsmessage.RCodeSuccess, false); err != nil {
			return nil, 0, err
		}
		m.Additionals = []dnsmessage.Resource{opt}
	}
	message, err = m.Pack()
	return message, id, err
}
