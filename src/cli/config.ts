import process from 'node:process';
import { describeConfig, readConfig } from '../infrastructure/container/config.ts';
import { writeRecords } from './output.ts';

/** Every variable; then throws `InvalidConfig` where one is wrong. */
export const config = async (): Promise<void> => {
  writeRecords(describeConfig(process.env), ['name', 'value', 'source', 'about']);
  readConfig(process.env);
};
