"""The best network and the best small ensemble: held-out answers, the choice by them, its one test evaluation."""
