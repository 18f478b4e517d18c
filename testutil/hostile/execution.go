package hostile

func (c *corpus) executions() {}
