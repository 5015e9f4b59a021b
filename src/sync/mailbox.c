/* SPDX-License-Identifier: MIT */
/* A queue of commands, linked through themselves. */
#include "sync/mailbox.h"

void mailbox_init(struct mailbox *mailbox)
{
	*mailbox = (struct mailbox){.last = &mailbox->first};
	pthread_mutex_init(&mailbox->mutex, NULL);
}

void mailbox_done(struct mailbox *mailbox)
{
	pthread_mutex_destroy(&mailbox->mutex);
}

bool mailbox_put(struct mailbox *mailbox, struct command *command)
{
	pthread_mutex_lock(&mailbox->mutex);
	command->next = NULL;
	bool closed = mailbox->closed;
	bool taken = !closed && mailbox->waiting < MAILBOX_LIMIT;
	if (taken) {
		*mailbox->last = command;
		mailbox->last = &command->next;
		mailbox->waiting++;
	}
	pthread_mutex_unlock(&mailbox->mutex);
	if (!taken) {
		command->result = closed ? COMMAND_STOPPING : COMMAND_BUSY;
		command->done(command);
	}
	return taken;
}

struct command *mailbox_take(struct mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->mutex);
	struct command *command = mailbox->first;
	if (command) {
		mailbox->first = command->next;
		mailbox->waiting--;
	}
	if (!mailbox->first)
		mailbox->last = &mailbox->first;
	pthread_mutex_unlock(&mailbox->mutex);
	return command;
}

void mailbox_close(struct mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->mutex);
	mailbox->closed = true;
	pthread_mutex_unlock(&mailbox->mutex);
	for (struct command *command; (command = mailbox_take(mailbox));) {
		command->result = COMMAND_STOPPING;
		command->done(command);
	}
}
