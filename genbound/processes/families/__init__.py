"""Process families that differ in kind of dependence; `genbound.processes.PROCESSES` lists them all."""
