import { activate } from './activate.ts';
import { block } from './block.ts';
import { changeAvatarUrl } from './change-avatar-url.ts';
import { changeBio } from './change-bio.ts';
import { changeDate } from './change-date.ts';
import { changeEmail } from './change-email.ts';
import { changeLanguageCode } from './change-language-code.ts';
import { changePhone } from './change-phone.ts';
import { changePrivacySettings } from './change-privacy-settings.ts';
import { changeUsername } from './change-username.ts';
import type { Command } from './command.ts';
import { create } from './create.ts';
import { deactivate } from './deactivate.ts';
import { deleteUser } from './delete.ts';
import { endBlock } from './end-block.ts';
import { recordProfileView } from './record-profile-view.ts';
import { unblock } from './unblock.ts';
import { update } from './update.ts';

/** Every command by its name. The names are public (tasks carry them): add, never rename. */
export const commands = {
  create,
  update,
  change_username: changeUsername,
  change_email: changeEmail,
  change_phone: changePhone,
  change_avatar_url: changeAvatarUrl,
  change_bio: changeBio,
  change_date: changeDate,
  change_language_code: changeLanguageCode,
  change_privacy_settings: changePrivacySettings,
  activate,
  deactivate,
  block,
  unblock,
  end_block: endBlock,
  record_profile_view: recordProfileView,
  delete: deleteUser,
};

export type CommandName = keyof typeof commands;

/** The registry as what runs a command sees it: which input belongs to which decision is checked where the input comes in. */
export const commandNamed = (name: CommandName): Command => commands[name] as unknown as Command;

export const isCommandName = (name: string): name is CommandName => Object.hasOwn(commands, name);
