"""The process of llama-server, as the wheel ``xllamacpp`` ships it. Says its address on standard output."""

import json
import os
import sys

import xllamacpp


def main() -> None:
    settings = json.loads(sys.argv[1])
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings["path"]
    parameters.n_ctx = settings["context_length"] * settings["slots"]
    parameters.n_parallel = settings["slots"]
    parameters.n_batch, parameters.n_ubatch = settings["batch"], settings["ubatch"]
    parameters.n_cache_reuse = settings["cache_reuse"]
    parameters.cache_ram_mib = settings["cache_ram_mib"]
    parameters.cont_batching = True
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings["threads"]
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.slot_save_path = settings["slots_folder"]
    parameters.ui, parameters.verbosity = False, 0
    server = xllamacpp.Server(parameters)
    out.write(json.dumps({"address": server.listening_address}) + "\n")
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
