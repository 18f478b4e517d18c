package model

import "time"

// lookInterval is the time between two looks at a model that waits for its verdict, less than a block.
const lookInterval = 500 * time.Millisecond
