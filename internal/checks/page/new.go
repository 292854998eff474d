package page

// example is a whole check that compiles and whose fixtures hold; a person
// begins by changing it.
const example = `id: own.commit.subject
title: Commit subjects name a ticket
kind: commit
schema: 1
applies: '!r.merge'
pass: r.subject.matches("^[A-Z]+-[0-9]+")
empty: unknown
freshness: 26h
cadence: daily
severity: low
mandatory: false
message: '"commit " + r.short + " (" + r.subject + ") names no ticket"'
summary: '{failing} of {total} commits name no ticket'
risk: A change that names no request cannot be traced to a decision.
fix: Begin each commit subject with the number of its ticket, such as OPS-12.
controls: [CHG-07]
map: [{criterion: CC8.1, strength: supporting}]
fixtures:
  pass:
    - {merge: false, short: 0a1b2c3d4e, subject: OPS-12 add export}
  fail:
    - {merge: false, short: 0a1b2c3d4e, subject: add export}
  unknown:
    - {merge: false, short: 0a1b2c3d4e}
`
