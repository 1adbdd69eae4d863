# The door to Deskhand. `make demo` and `make test` do all the set-up themselves.
.DEFAULT_GOAL := help
.PHONY: help setup models demo demo-helpdesk test check format sidebar sidebar-check chaos bench bench-retrieval bench-grounding bench-abstention bench-calibration bench-judge bench-cascade bench-injection bench-scope bench-summaries bench-drafts bench-serve bench-ingest bench-first-token bench-batch bench-gaps bench-engine bench-engine-quality bench-engine-soak bench-waiting bench-lane bench-million bench-postgres bench-rivals env-example clean

BIN := .venv/bin
DATA := ../shared/data
QUIET := GOMP_SPINCOUNT=1000 PYTHONWARNINGS=ignore

help:  ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup:  ## Make .venv, with llama.cpp compiled for this CPU
	@deploy/setup.sh

models: setup  ## Fetch the models (1.7 GB), check their hashes, and make the small one's Q4_0 (0.4 GB)
	@$(BIN)/deskhand models pull

demo: models  ## Ingest the sample help centre and answer ten tickets
	@deploy/demo/run.sh

demo-helpdesk: models  ## A real helpdesk beside Deskhand: tickets come in by webhook and get a note
	@deploy/demo/helpdesk.sh

test: models check  ## All checks and tests
	@$(BIN)/deskhand models pull smollm2-135m-instruct-q4_1 bge-small-en-v1.5-int8
	@$(QUIET) $(BIN)/python -m pytest

check: setup  ## Format, lints, types, import law, docs that are made from code
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@mkdir -p build; $(BIN)/lint-imports --no-cache > build/lint-imports.log 2>&1 || (cat build/lint-imports.log; exit 1)
	@$(BIN)/deskhand settings | diff -u deploy/env.example - || (echo "Fix: make env-example"; exit 1)

format: setup  ## Format the code and mend what the linter can
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --fix --quiet .

sidebar:  ## Build the sidebar into the one file that is shipped (needs Node; users do not)
	@cd assistant/api/sidebar && npm ci --silent && node build.mjs

sidebar-check:  ## Build the sidebar again and compare it with the file that is shipped
	@mkdir -p build; cd assistant/api/sidebar && npm ci --silent && node build.mjs ../../../build/sidebar.js > /dev/null
	@cmp build/sidebar.js assistant/api/sidebar/deskhand-sidebar.js || (echo "Fix: make sidebar"; exit 1)

env-example: setup  ## Make deploy/env.example from the settings
	@$(BIN)/deskhand settings > deploy/env.example

chaos: setup  ## Kill, stop, fill and repeat: jobs lost and doubled, by scenario (20 minutes)
	@$(BIN)/deskhand models pull smollm2-135m-instruct-q4_1
	@$(QUIET) $(BIN)/python -m tests.chaos.run

bench: bench-retrieval bench-grounding bench-abstention bench-calibration bench-judge bench-cascade bench-injection bench-scope bench-summaries bench-drafts bench-ingest bench-serve bench-first-token bench-batch bench-gaps  ## All benchmarks; tables here, JSON in build/bench

bench-retrieval: models  ## nDCG, recall and latency on two labelled corpora, and what is left of answers in selected sentences
	@$(BIN)/deskhand evaluate retrieval --corpus $(DATA)/mtrag/corpus.jsonl --queries $(DATA)/mtrag/queries_dev.jsonl --qrels $(DATA)/mtrag/qrels_dev.tsv
	@$(BIN)/deskhand evaluate retrieval --corpus $(DATA)/banking_kb/corpus.jsonl --queries $(DATA)/banking_kb/tasks_dev.jsonl --qrels $(DATA)/banking_kb/qrels_dev.tsv
	@$(BIN)/deskhand evaluate sentences --corpus $(DATA)/mtrag/corpus.jsonl --queries $(DATA)/mtrag/queries_dev.jsonl --qrels $(DATA)/mtrag/qrels_dev.tsv

bench-abstention: models  ## Whether questions without an answer are told apart before anything is written, among 7,047 other documents
	@$(BIN)/deskhand evaluate abstention --corpus $(DATA)/mtrag/corpus.jsonl --queries $(DATA)/mtrag/queries_dev.jsonl --distractors $(DATA)/docs/support_kb.jsonl.gz --distractors $(DATA)/docs/technical.jsonl.gz

bench-grounding: setup  ## Whether the check of drafts tells faithful answers from others: people's ratings, and edits that contradict
	@$(BIN)/deskhand evaluate grounding --rows $(DATA)/mtrag/groundedness_dev.jsonl --fit build/bench/grounding.toml

bench-calibration: setup  ## Whether thresholds chosen on one half of rated answers keep their target on the other, 200 times
	@$(BIN)/deskhand evaluate calibration --rows $(DATA)/mtrag/groundedness_dev.jsonl

bench-judge: setup  ## How often people disagree with the judge that compares drafts with references
	@$(BIN)/deskhand evaluate judge --rows $(DATA)/mtrag/groundedness_dev.jsonl

bench-cascade: setup  ## The large model where it helps: quality against core-seconds (an hour and a half the first time)
	@$(BIN)/deskhand evaluate cascade --corpus $(DATA)/mtrag/corpus.jsonl --queries $(DATA)/mtrag/queries_dev.jsonl --distractors $(DATA)/docs/support_kb.jsonl.gz --distractors $(DATA)/docs/technical.jsonl.gz

bench-injection: setup  ## Attacks in tickets and documents on the whole pipeline (a quarter of an hour)
	@$(BIN)/deskhand evaluate injection --rows $(DATA)/injection/injections_dev.jsonl --corpus $(DATA)/mtrag/corpus.jsonl --queries $(DATA)/mtrag/queries_dev.jsonl

bench-scope: setup  ## Messages out of scope told from those in scope, by the examples they are near to
	@$(BIN)/deskhand evaluate scope --rows $(DATA)/intents/intents_dev.jsonl.gz

bench-summaries: models  ## Summaries of 261 dialogues beside the same model asked plainly: ROUGE-L, what stands in the dialogue (an hour; ARGS="--limit 20" to try it)
	@$(QUIET) $(BIN)/deskhand --data-dir build/evaluation/batch evaluate summaries --rows $(DATA)/summaries/dialogsum_dev.jsonl $(ARGS)

bench-drafts: models  ## Decisions, support and latency on 60 labelled questions, 20 of them unanswerable
	@$(BIN)/deskhand evaluate drafts --corpus $(DATA)/mtrag/corpus.jsonl --queries $(DATA)/mtrag/queries_dev.jsonl --limit 60

bench-ingest: models  ## Ingest rate on 3,092 documents against the bare embedder, and a second, unchanged ingest
	@$(BIN)/python -m tests.bench.ingest $(DATA)/docs/support_kb.jsonl.gz

bench-rivals: models  ## Ingest and retrieval beside Haystack and LlamaIndex, in a Python of their own that is made in build/rivals
	@[ -x build/rivals/bin/python ] || $(BIN)/python -m venv build/rivals
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$$(build/rivals/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/zz_ours.pth"
	@build/rivals/bin/python -m pip --disable-pip-version-check install --quiet -r tests/bench/rivals/requirements.txt
	@$(QUIET) $(BIN)/python -m tests.bench.rivals build/rivals/bin/python $(DATA)/mtrag/corpus.jsonl $(DATA)/mtrag/queries_dev.jsonl $(DATA)/mtrag/qrels_dev.tsv $(ARGS)

bench-million: models  ## A million vectors searched by one thread: recall, latency, memory (half an hour the first time, most of it embedding)
	@$(BIN)/python -m tests.bench.million $(DATA)/docs/support_kb.jsonl.gz $(DATA)/docs/technical.jsonl.gz $(DATA)/mtrag/queries_dev.jsonl

bench-postgres: models  ## The index in Postgres beside the one in files, on the same chunks
	@$(QUIET) $(BIN)/python -m tests.bench.postgres $(DATA)/docs/support_kb.jsonl.gz $(DATA)/docs/technical.jsonl.gz $(DATA)/mtrag/queries_dev.jsonl

bench-serve: models  ## Memory of the service with both models, time to ready, and to refuse when full
	@$(BIN)/python -m tests.bench.serve

bench-first-token: models  ## Time to the first token of drafts with and without a batch running, in turns
	@$(QUIET) $(BIN)/python -m tests.bench.first_token $(DATA)/summaries/dialogsum_dev.jsonl

bench-lane: models  ## Drafts and questions beside an ingest, with the compute lane, without it and alone, in turns (3 minutes)
	@$(QUIET) $(BIN)/python -m tests.bench.lane $(DATA)/docs/support_kb.jsonl.gz

bench-batch: models  ## Rows a minute of a batch, one line at a time against several; 261 dialogues killed in the middle, with ROUGE-L (ARGS="--limit 10 --rounds 1 --lines 4" to try it)
	@$(QUIET) $(BIN)/python -m tests.bench.batch $(DATA)/summaries/dialogsum_dev.jsonl $(ARGS)

bench-gaps: models  ## How well questions are gathered by meaning, on real messages with intents
	@$(BIN)/python -m tests.bench.gaps $(DATA)/intents/intents_dev.jsonl.gz

bench-engine-quality: models  ## Faster ways of drafting against the exact one on 150 questions; goes on where it stopped (two hours; ARGS="--limit 20")
	@$(QUIET) $(BIN)/python -m tests.bench.engine_quality $(DATA)/mtrag $(ARGS)

bench-engine: models  ## The engine against llama_cpp.Llama, llama-server and a bare decode loop, in turns (hours; ARGS=--quick to try it)
	@$(QUIET) $(BIN)/python -m tests.bench.engine $(DATA) $(ARGS)

bench-engine-soak: models  ## Memory of the engine's process over 2,000 drafts (ARGS="--drafts 200" for fewer)
	@$(QUIET) $(BIN)/python -m tests.bench.engine.soak $(DATA) $(ARGS)

bench-waiting: models  ## How threads should wait, quiet and beside busy processes (10 minutes; OTHER_PYTHON=… adds a llama.cpp without OpenMP)
	@$(BIN)/python -m tests.bench.waiting $(if $(OTHER_PYTHON),--other-python $(OTHER_PYTHON))

clean:  ## Remove what was built here; models and wheels in ~/.cache stay
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache
