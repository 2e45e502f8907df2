package record

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sallyport/internal/secret"
)

// packed details are an octet that says how, and then, deflated, the length of
// what is JSON, the JSON, and the message.
const packedVersion = 1

// maxPacked bounds what is inflated.
const maxPacked = MaxMessage + 4<<20

// packedDetails is the JSON.
type packedDetails struct {
	Checks     []Check     `json:"checks,omitempty"`
	Attributes []Attribute `json:"attributes,omitempty"`
	Fields     int         `json:"fields,omitempty"`
	Plain      bool        `json:"plain,omitempty"`
	Cut        bool        `json:"cut,omitempty"`
}

// A packer packs details. It is used by one goroutine at a time.
type packer struct{ deflater *flate.Writer }

func (p *packer) pack(d *Details) ([]byte, error) {
	head, err := json.Marshal(packedDetails{d.Checks, d.Attributes, d.Message.Fields, d.Message.Plain, d.Message.Cut})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(4 << 10)
	out.WriteByte(packedVersion)
	if p.deflater == nil {
		if p.deflater, err = flate.NewWriter(&out, flate.BestSpeed); err != nil {
			return nil, err
		}
	} else {
		p.deflater.Reset(&out)
	}
	for _, part := range [][]byte{binary.AppendUvarint(nil, uint64(len(head))), head, d.Message.Text} {
		if _, err := p.deflater.Write(part); err != nil {
			return nil, err
		}
	}
	err = p.deflater.Close()
	return out.Bytes(), err
}

var errPacked = errors.New("record: details are damaged")

func unpack(packed []byte) (d Details, err error) {
	if len(packed) == 0 || packed[0] != packedVersion {
		return d, errPacked
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed[1:])), maxPacked))
	if err != nil {
		return d, fmt.Errorf("%w: %w", errPacked, err)
	}
	length, n := binary.Uvarint(text)
	if n <= 0 || length > uint64(len(text)-n) {
		return d, errPacked
	}
	head, message := text[n:n+int(length)], text[n+int(length):]
	var in packedDetails
	if err := json.Unmarshal(head, &in); err != nil {
		return d, fmt.Errorf("%w: %w", errPacked, err)
	}
	d = Details{Checks: in.Checks, Attributes: in.Attributes, Message: Message{Fields: in.Fields, Text: message, Plain: in.Plain, Cut: in.Cut}}
	return d, nil
}

// place binds sealed details to their attempt and its organization.
func place(attemptID, organizationID string) secret.Place {
	return secret.Place{Table: "record_details", Column: "sealed", Row: attemptID + "/" + organizationID}
}

// open returns sealed details.
func (s *Service) open(attemptID, organizationID string, sealed []byte) (Details, error) {
	packed, err := s.secrets.Open(place(attemptID, organizationID), sealed)
	if err != nil {
		return Details{}, err
	}
	return unpack(packed)
}
