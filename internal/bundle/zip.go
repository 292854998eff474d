package bundle

import "encoding/binary"

// A ZIP file of version 1 has one possible spelling: these functions are all
// there is besides the files' own bytes.

const (
	localSize     = 30
	directorySize = 46
	endSize       = 22

	localMark     = 0x04034b50
	directoryMark = 0x02014b50
	endMark       = 0x06054b50
)

// member is a file in the archive.
type member struct {
	name   string
	size   int64
	crc    uint32
	offset int64 // of its local header
}

func (m member) content() int64 { return m.offset + localSize + int64(len(m.name)) }
func (m member) end() int64     { return m.content() + m.size }

// common are the ten fields that local header and directory entry share.
func (m member) common(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint16(b, 20)     // version needed: 2.0
	b = le.AppendUint16(b, 0x0800) // names are UTF-8
	b = le.AppendUint16(b, 0)      // stored
	b = le.AppendUint16(b, 0)      // 00:00:00
	b = le.AppendUint16(b, 0x0021) // 1980-01-01
	b = le.AppendUint32(b, m.crc)
	b = le.AppendUint32(b, uint32(m.size)) // compressed
	b = le.AppendUint32(b, uint32(m.size)) // plain
	b = le.AppendUint16(b, uint16(len(m.name)))
	return le.AppendUint16(b, 0) // extra
}

func (m member) local() []byte {
	b := binary.LittleEndian.AppendUint32(nil, localMark)
	return append(m.common(b), m.name...)
}

func (m member) directory() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, directoryMark)
	b = le.AppendUint16(b, 20) // made by: 2.0 on no particular system
	b = m.common(b)
	b = le.AppendUint16(b, 0) // comment
	b = le.AppendUint16(b, 0) // disk
	b = le.AppendUint16(b, 0) // internal attributes
	b = le.AppendUint32(b, 0) // external attributes
	b = le.AppendUint32(b, uint32(m.offset))
	return append(b, m.name...)
}

func endRecord(files int, size, offset int64) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, endMark)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, uint16(files))
	b = le.AppendUint16(b, uint16(files))
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(offset))
	return le.AppendUint16(b, 0) // comment
}
