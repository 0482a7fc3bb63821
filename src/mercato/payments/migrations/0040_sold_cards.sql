-- Gift cards are found by the order that bought them. Few orders buy any.
-- squawk-ignore require-concurrent-index-creation
create index credit_accounts_bought on payments.credit_accounts (bought_with) where bought_with is not null;
